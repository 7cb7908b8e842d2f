/** The options of an evaluation. */
import { useText } from '../report/language.ts';
import type { Choices } from './protocol.ts';
import { type Actions, isComplete, type State } from './store.ts';

const GAMMA = { min: 0, max: 10, step: 0.1 };

export function Controls({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  const { choices } = state;
  const table = state.parts.find(({ id, kind }) => kind === 'table' && state.roles[id] === 'logits');
  const sigmoid = choices.loss === 'sigmoid';
  // numbers are scores unless it is said which are
  const textColumns = (table?.columns ?? []).filter(({ kind }) => kind !== 'number' || choices.scores !== '');
  return (
    <form
      class="card controls"
      aria-label={t('Options')}
      onSubmit={(event) => {
        event.preventDefault();
        actions.evaluate();
      }}
    >
      {table && (
        <>
          <label>
            {t('column of targets')}
            <input
              value={choices.target}
              list="columns"
              onInput={({ currentTarget }) => actions.choose({ target: currentTarget.value })}
            />
            <datalist id="columns">
              {table.columns!.map(({ name }) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </label>
          <label>
            {t('columns of scores')}
            <input
              value={choices.scores}
              placeholder={t('all of numbers')}
              onInput={({ currentTarget }) => actions.choose({ scores: currentTarget.value })}
            />
          </label>
          <label>
            {t('columns of another model')}
            <input
              value={choices.baseline}
              placeholder={t(state.parts.some(({ id }) => state.roles[id] === 'baseline') ? 'the same' : 'none')}
              onInput={({ currentTarget }) => actions.choose({ baseline: currentTarget.value })}
            />
          </label>
          <label>
            {t('column of groups')}
            <select
              value={choices.group}
              onChange={({ currentTarget }) => actions.choose({ group: currentTarget.value })}
            >
              <option value="">–</option>
              {table.columns!.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <label>
            {t('column of texts')}
            <select
              value={choices.text}
              onChange={({ currentTarget }) => actions.choose({ text: currentTarget.value })}
            >
              <option value="">–</option>
              {textColumns.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        </>
      )}
      <label>
        {t('loss')}
        <select
          id="loss"
          value={choices.loss}
          onChange={({ currentTarget }) => actions.choose({ loss: currentTarget.value as 'softmax' })}
        >
          <option value="softmax">{t('softmax: one class a sample')}</option>
          <option value="sigmoid">{t('sigmoid: each class by itself')}</option>
        </select>
      </label>
      <Numeric label="γ" value={choices.gamma} {...GAMMA} set={(gamma) => actions.choose({ gamma })} />
      <label>
        α
        <input
          value={choices.alpha}
          placeholder={sigmoid ? '0.25' : t('none')}
          list="alphas"
          onInput={({ currentTarget }) => actions.choose({ alpha: currentTarget.value })}
        />
        <datalist id="alphas">
          <option value="auto" />
        </datalist>
      </label>
      <label>
        {t('the numbers are')}
        <select
          id="input"
          value={choices.input}
          onChange={({ currentTarget }) => actions.choose({ input: currentTarget.value as 'logits' })}
        >
          <option value="logits">{t('logits')}</option>
          <option value="probabilities">{t('probabilities')}</option>
          <option value="logProbabilities">{t('logarithms of probabilities')}</option>
        </select>
      </label>
      {!table && (
        <label>
          {t('class axis')}
          <select
            value={String(choices.classAxis)}
            onChange={({ currentTarget }) => actions.choose({ classAxis: Number(currentTarget.value) as 1 | -1 })}
          >
            <option value="1">1: [B, C, …]</option>
            <option value="-1">−1: [B, …, C]</option>
          </select>
        </label>
      )}
      {!sigmoid && (
        <Check
          label={t('confusion matrix')}
          value={choices.confusion}
          set={(confusion) => actions.choose({ confusion })}
        />
      )}
      <Check label={t('curves')} value={choices.curves} set={(curves) => actions.choose({ curves })} />
      <button type="submit" class="main" disabled={!isComplete(state) || state.phase === 'running'}>
        {t('Evaluate')}
      </button>
      <More {...choices} choose={actions.choose} />
    </form>
  );
}

/** What is seldom needed. */
function More({ loss, choose, ...choices }: Choices & { choose: Actions['choose'] }) {
  const t = useText();
  const sigmoid = loss === 'sigmoid';
  const share = { min: 0, max: 0.999, step: 0.001 };
  return (
    <details class="more">
      <summary>{t('More options')}</summary>
      <div class="fields">
        {sigmoid ? (
          <>
            <Numeric
              label={t('γ of negatives')}
              value={choices.gammaNegative}
              none="γ"
              {...GAMMA}
              set={(gammaNegative: number | null) => choose({ gammaNegative })}
            />
            <Numeric label={t('clip')} value={choices.clip} {...share} set={(clip) => choose({ clip })} />
            <Numeric
              label={t('smoothing')}
              value={choices.smoothing}
              {...share}
              set={(smoothing) => choose({ smoothing })}
            />
            <Numeric
              label={t('background')}
              value={choices.background}
              none={t('none')}
              step={1}
              set={(background: number | null) => choose({ background })}
            />
          </>
        ) : (
          <Numeric
            label={t('label smoothing')}
            value={choices.labelSmoothing}
            {...share}
            set={(labelSmoothing) => choose({ labelSmoothing })}
          />
        )}
        <Numeric
          label={t('ignore index')}
          value={choices.ignoreIndex}
          step={1}
          set={(ignoreIndex) => choose({ ignoreIndex })}
        />
        <Numeric label={t('bins')} value={choices.bins} min={1} max={1000} step={1} set={(bins) => choose({ bins })} />
      </div>
    </details>
  );
}

function Check({ label, value, set }: { label: string; value: boolean; set: (value: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={({ currentTarget: { checked } }) => set(checked)} />
      {label}
    </label>
  );
}

interface NumericProps {
  readonly label: string;
  readonly value: number | null;
  readonly min?: number;
  readonly max?: number;
  readonly step: number;
}
/** A field that may be empty has a name for that. */
type SetNumeric =
  | { readonly none: string; readonly set: (value: number | null) => void }
  | { readonly none?: never; readonly set: (value: number) => void };

function Numeric({ label, value, none, set, ...range }: NumericProps & SetNumeric) {
  return (
    <label>
      {label}
      <input
        type="number"
        value={value ?? ''}
        placeholder={none ?? ''}
        {...range}
        onInput={({ currentTarget: { valueAsNumber } }) => {
          if (!Number.isNaN(valueAsNumber)) set(valueAsNumber);
          else if (none !== undefined) (set as (value: null) => void)(null);
        }}
      />
    </label>
  );
}
