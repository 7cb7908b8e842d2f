/** The options of an evaluation. */
import { useText } from '../report/language.ts';
import { type Actions, isComplete, type State } from './store.ts';

export function Controls({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  const { choices } = state;
  const table = state.parts.find(({ id, kind }) => kind === 'table' && state.roles[id] === 'logits');
  const sigmoid = choices.loss === 'sigmoid';
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
            <select
              value={choices.target}
              onChange={({ currentTarget }) => actions.choose({ target: currentTarget.value })}
            >
              {table.columns!.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
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
            {t('column of texts')}
            <select
              value={choices.text}
              onChange={({ currentTarget }) => actions.choose({ text: currentTarget.value })}
            >
              <option value="">–</option>
              {table.columns!.map(({ name }) => (
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
      <Numeric label="γ" value={choices.gamma} min={0} max={10} step={0.1} set={(gamma) => actions.choose({ gamma })} />
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
      {sigmoid && (
        <Numeric
          label={t('smoothing')}
          value={choices.smoothing}
          min={0}
          max={0.999}
          step={0.001}
          set={(smoothing) => actions.choose({ smoothing })}
        />
      )}
      <Numeric
        label={t('ignore index')}
        value={choices.ignoreIndex}
        step={1}
        set={(ignoreIndex) => actions.choose({ ignoreIndex })}
      />
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
      <Numeric
        label={t('bins')}
        value={choices.bins}
        min={1}
        max={1000}
        step={1}
        set={(bins) => actions.choose({ bins })}
      />
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
    </form>
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
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  readonly step: number;
  readonly set: (value: number) => void;
}

function Numeric({ label, value, set, ...range }: NumericProps) {
  return (
    <label>
      {label}
      <input
        type="number"
        value={value}
        {...range}
        onInput={({ currentTarget: { valueAsNumber } }) => Number.isNaN(valueAsNumber) || set(valueAsNumber)}
      />
    </label>
  );
}
