/** The page: files in, controls beside, the report alive below. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Bar, Chart, Line, type Point, short } from '../report/charts.tsx';
import {
  className,
  describe,
  figures,
  fixed,
  type Labels,
  type Metrics,
  plain,
  significant,
  weakestClasses,
} from '../report/format.ts';
import { Speaks, type Translate, translator, useText } from '../report/language.ts';
import { renderReport } from '../report/report.tsx';
import {
  type ClassColumn,
  ClassTable,
  Confusion,
  classColumns,
  Headline,
  Reliability,
  Samples,
  Section,
} from '../report/sections.tsx';
import type { Language } from '../report/types.ts';
import { commandLine } from './command.ts';
import { lossBins } from './losses.ts';
import type { Part, Result, Role } from './protocol.ts';
import { sampleFiles } from './sample.ts';
import { type Actions, isComplete, type State, useStore } from './store.ts';

export function App() {
  const [language, speak] = useState<Language>(/^zh/i.test(navigator.language) ? 'zh' : 'en');
  const t = useMemo(() => translator(language), [language]);
  const [state, actions] = useStore();
  const [over, setOver] = useState(false);
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
    document.title = t('focal-simd: what does the model do?');
  }, [language, t]);
  useDrop(actions.add, setOver);
  const { result } = state;
  return (
    <Speaks value={t}>
      <main class={over ? 'over' : ''}>
        <header class="top">
          <div>
            <h1>focal-simd</h1>
            <p class="note">{t('Drop predictions, see what the model does. Nothing leaves this machine.')}</p>
          </div>
          <button
            type="button"
            class="quiet"
            lang={language === 'zh' ? 'en' : 'zh-Hans'}
            onClick={() => speak(language === 'zh' ? 'en' : 'zh')}
          >
            {language === 'zh' ? 'English' : '中文'}
          </button>
        </header>
        <Files state={state} actions={actions} />
        {state.parts.length > 0 && <Controls state={state} actions={actions} />}
        <Status state={state} actions={actions} />
        {result && <Live state={state} result={result} actions={actions} language={language} />}
        <LossCurves choices={state.choices} />
      </main>
    </Speaks>
  );
}

/** Files may be dropped anywhere. */
function useDrop(add: (files: File[]) => void, over: (is: boolean) => void) {
  const latest = useRef(add);
  latest.current = add;
  useEffect(() => {
    const stop = new AbortController();
    const on = (type: string, handle: (event: DragEvent) => void) =>
      addEventListener(type, (event) => handle(event as DragEvent), { signal: stop.signal });
    on('dragover', (event) => {
      event.preventDefault();
      over(true);
    });
    on('dragleave', (event) => {
      if (!event.relatedTarget) over(false);
    });
    on('drop', (event) => {
      event.preventDefault();
      over(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) latest.current(files);
    });
    return () => stop.abort();
  }, []);
}

function Files({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  const input = useRef<HTMLInputElement>(null);
  const some = state.parts.length > 0;
  return (
    <section class={`card files ${some ? '' : 'empty'}`} aria-label={t('Files')}>
      <div class="pick">
        {!some && <p class="big">{t('Drop logits and targets here')}</p>}
        <input
          ref={input}
          id="files"
          class="hidden"
          type="file"
          multiple
          tabIndex={-1}
          aria-label={t('Choose files')}
          onChange={({ currentTarget }) => {
            actions.add([...(currentTarget.files ?? [])]);
            currentTarget.value = '';
          }}
        />
        <button type="button" class={some ? '' : 'main'} onClick={() => input.current!.click()}>
          {some ? t('Add files') : t('Choose files')}
        </button>
        {!some && (
          <button type="button" id="sample" onClick={() => actions.add(sampleFiles())}>
            {t('Try it with Seattle’s weather')}
          </button>
        )}
        {some && (
          <button type="button" class="quiet" onClick={actions.clear}>
            {t('Start again')}
          </button>
        )}
      </div>
      {!some && (
        <p class="note">
          {t(
            '.npy, .npz, .safetensors, .csv, .tsv, .jsonl, .parquet; names and texts as .txt, one a line; states as .json, which are merged. Two files of logits are compared. Files may be larger than memory.',
          )}
        </p>
      )}
      {some && <Parts state={state} actions={actions} />}
    </section>
  );
}

const ROLES: Record<Part['kind'], readonly Role[]> = {
  floats: ['logits', 'baseline', 'targets', 'unused'],
  integers: ['targets', 'logits', 'unused'],
  lines: ['names', 'texts', 'unused'],
  table: ['logits', 'baseline', 'unused'],
  state: ['state', 'unused'],
};

const shapeOf = ({ kind, dtype, shape, columns }: Part, t: Translate): string => {
  if (kind === 'table') return t('{n} columns', { n: columns?.length ?? 0 });
  if (kind === 'lines') return t('{n} lines', { n: plain(shape[0]!) });
  return kind === 'state' ? '' : `${dtype} [${shape.map(plain).join(' × ')}]`;
};

function Parts({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  return (
    <table class="parts">
      <caption class="hidden">{t('Files')}</caption>
      <tbody>
        {state.parts.map((part) => (
          <tr key={part.id}>
            <th scope="row">
              <bdi>{part.name}</bdi>
            </th>
            <td class="shape">{shapeOf(part, t)}</td>
            <td>
              <select
                aria-label={t('What {name} is', { name: part.name })}
                value={state.roles[part.id]!}
                onChange={({ currentTarget }) => actions.role(part.id, currentTarget.value as Role)}
              >
                {ROLES[part.kind].map((role) => (
                  <option key={role} value={role}>
                    {t(NAMES[role])}
                  </option>
                ))}
              </select>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const NAMES: Record<Role, string> = {
  logits: 'logits',
  baseline: 'logits of another model',
  targets: 'targets',
  names: 'names of the classes',
  texts: 'texts of the samples',
  state: 'state',
  unused: 'not used',
};

function Controls({ state, actions }: { state: State; actions: Actions }) {
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

const size = (bytes: number): string => {
  const [unit, name] = bytes >= 1e9 ? [1e9, 'GB'] : bytes >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  return `${(bytes / (unit as number)).toPrecision(3)} ${name}`;
};

function Status({ state, actions }: { state: State; actions: Actions }) {
  const t = useText();
  const { progress, phase } = state;
  const seconds = (performance.now() - state.started) / 1000;
  const share = progress?.total ? progress.done / progress.total : null;
  return (
    <>
      <div role="alert">
        {state.errors.map((error) => (
          <p key={error} class="error">
            <bdi>{error}</bdi>
          </p>
        ))}
      </div>
      {phase === 'ready' && state.parts.length > 0 && !isComplete(state) && (
        <p class="hint" role="status">
          {t('Say which file holds the logits and which the targets.')}
        </p>
      )}
      {(phase === 'looking' || phase === 'running') && (
        <div class="running">
          <progress aria-label={t('Progress')} {...(share === null ? {} : { value: share })} max={1} />
          {progress && (
            <span class="numbers">
              {plain(progress.done)} {t('samples')}
              {progress.bytes > 0 && `, ${size(progress.bytes)}, ${size(progress.bytes / seconds)}/s`}
              {share !== null &&
                share > 0.02 &&
                `, ${t('{s} s left', { s: ((seconds / share) * (1 - share)).toFixed(0) })}`}
            </span>
          )}
          <button type="button" onClick={actions.cancel}>
            {t('Cancel')}
          </button>
        </div>
      )}
    </>
  );
}

interface LiveProps {
  readonly state: State;
  readonly result: Result;
  readonly actions: Actions;
  readonly language: Language;
}

function Live({ state, result, actions, language }: LiveProps) {
  const t = useText();
  const { metrics: m, names } = result;
  const labels: Labels = { names, texts: state.texts };
  const facts = describe(result.state.config, m);
  return (
    <div class="live" aria-busy={state.phase === 'running'} data-took={state.took}>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{t(name)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        <div>
          <dt>{t('time')}</dt>
          <dd id="took">
            {result.seconds.toFixed(3)} s{result.bytes > 0 && `, ${size(result.bytes)}`}, {result.backend}
          </dd>
        </div>
      </dl>
      <Output state={state} result={result} language={language} />
      <Headline m={m} />
      {result.baseline && <Against m={m} baseline={result.baseline} />}
      <Reliability m={m} />
      {result.losses && <Losses counts={result.losses} variant={m.variant} />}
      <AllClasses m={m} labels={labels} />
      <Confusion m={m} labels={labels} chosen={state.chosen} choose={actions.look}>
        <Cell state={state} labels={labels} />
      </Confusion>
      {result.hardest.length > 0 && (
        <Section title={t('Hardest samples')} note={t('Largest focal loss first.')}>
          <Samples samples={result.hardest} labels={labels} />
        </Section>
      )}
    </div>
  );
}

/** The samples of the cell that was chosen. */
function Cell({ state, labels }: { state: State; labels: Labels }) {
  const t = useText();
  const { chosen, samples } = state;
  if (!chosen) return <p class="note">{t('Choose a cell to see its samples.')}</p>;
  const [target, prediction] = [className(labels, chosen.target), className(labels, chosen.prediction)];
  return (
    <div class="cell" aria-live="polite">
      <h3>
        {t('{target} taken for {prediction}', { target, prediction })}
        {samples && `: ${t('{n} of largest loss', { n: samples.length })}`}
      </h3>
      {samples ? <Samples samples={samples} labels={labels} /> : <progress aria-label={t('Progress')} />}
    </div>
  );
}

/** Two models on the same samples. */
function Against({ m, baseline }: { m: Metrics; baseline: Metrics }) {
  const t = useText();
  const other = new Map(figures(baseline));
  return (
    <Section title={t('Two models')}>
      <table>
        <thead>
          <tr>
            <td />
            <th scope="col" class="number">
              {t('logits')}
            </th>
            <th scope="col" class="number">
              {t('logits of another model')}
            </th>
          </tr>
        </thead>
        <tbody>
          {figures(m).map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{t(name)}</th>
              <td class="number">{value}</td>
              <td class="number">{other.get(name)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

/** Ticks of an axis of powers of ten: the small and the large ones by their exponent. */
const power = (value: number): string => {
  const exponent = Math.round(Math.log10(value));
  if (exponent > -3 && exponent < 4) return String(Number(value.toPrecision(3)));
  return `10${[...String(exponent)].map((digit) => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])).join('')}`;
};

function Losses({ counts, variant }: { counts: readonly number[]; variant: Metrics['variant'] }) {
  const t = useText();
  const bins = useMemo(() => lossBins(counts), [counts]);
  if (bins.length === 0) return null;
  const counted = variant === 'softmax' ? t('samples') : t('logits');
  const most = bins.reduce((largest, { count }) => Math.max(largest, count), 1);
  return (
    <Section
      title={t('Distribution of the loss')}
      note={t('An octave a bar; what is less than the first counts there.')}
    >
      <div class="charts">
        <Chart
          title={t('Focal loss of each')}
          x={{ label: t('loss'), domain: [bins[0]!.lower, bins.at(-1)!.upper], log: true, format: power }}
          y={{ label: counted, domain: [0, most], ticks: 4, format: short }}
          data={{
            head: [t('loss'), counted],
            rows: bins.map(({ lower, upper, count }) => [
              `${significant(lower, 3)}–${significant(upper, 3)}`,
              plain(count),
            ]),
          }}
        >
          {(place) =>
            bins.map(({ lower, upper, count }) => (
              <Bar
                key={lower}
                place={place}
                x1={lower}
                x2={upper}
                y1={0}
                y2={count}
                class="accent"
                title={plain(count)}
              />
            ))
          }
        </Chart>
      </div>
    </Section>
  );
}

const PAGE = 50;

interface Order {
  readonly column: string;
  readonly descending: boolean;
}

/** All classes: sorted by any column, filtered by name, copied as CSV. */
function AllClasses({ m, labels }: { m: Metrics; labels: Labels }) {
  const t = useText();
  const [order, setOrder] = useState<Order>({ column: 'F1', descending: false });
  const [filter, setFilter] = useState('');
  const [shown, setShown] = useState(PAGE);
  const [copied, setCopied] = useState(false);
  const columns = classColumns(m);
  const column = columns.find(({ name }) => name === order.column);
  const found = useMemo(() => {
    const wanted = filter.toLowerCase();
    const all = weakestClasses(m).filter((c) => className(labels, c).toLowerCase().includes(wanted));
    const sign = order.descending ? -1 : 1;
    const by = (c: number) => column?.value(c) ?? Number.NEGATIVE_INFINITY;
    return column
      ? all.sort((a, b) => sign * (by(a) - by(b)) || a - b)
      : all.sort((a, b) => sign * className(labels, a).localeCompare(className(labels, b)) || a - b);
  }, [m, labels.names, filter, order.column, order.descending]);
  const name = (one: ClassColumn | null) => one?.name ?? 'class';
  const head = (one: ClassColumn | null) => (
    <button
      type="button"
      class="head"
      onClick={() => setOrder({ column: name(one), descending: order.column === name(one) && !order.descending })}
    >
      {t(name(one))}
      <span aria-hidden="true">{order.column === name(one) ? (order.descending ? ' ▼' : ' ▲') : ''}</span>
    </button>
  );
  const csv = () => {
    const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const rows = found.map((c) => [className(labels, c), ...columns.map(({ value }) => String(value(c) ?? ''))]);
    return [['class', ...columns.map(name)], ...rows].map((row) => row.map(cell).join(',')).join('\n');
  };
  return (
    <Section title={t('Classes')} note={t('{n} that occur', { n: plain(found.length) })}>
      <div class="tools">
        <label>
          {t('Filter')}
          <input type="search" value={filter} onInput={({ currentTarget }) => setFilter(currentTarget.value)} />
        </label>
        <button
          type="button"
          onClick={async () => {
            await copy(csv());
            setCopied(true);
          }}
        >
          {copied ? t('Copied') : t('Copy as CSV')}
        </button>
      </div>
      <ClassTable
        m={m}
        labels={labels}
        classes={found.slice(0, shown)}
        head={head}
        sorted={(one) => (order.column === name(one) ? (order.descending ? 'descending' : 'ascending') : undefined)}
      />
      {found.length > shown && (
        <button type="button" onClick={() => setShown(shown * 4)}>
          {t('More of the {n}', { n: plain(found.length) })}
        </button>
      )}
    </Section>
  );
}

/** The clipboard of a page that was opened as a file needs the old way. */
async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

function download(name: string, type: string, text: string): void {
  const link = document.createElement('a');
  link.download = name;
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function Output({ state, result, language }: { state: State; result: Result; language: Language }) {
  const t = useText();
  const [copied, setCopied] = useState(false);
  const [title, setTitle] = useState('');
  const command = commandLine(state);
  const used = state.parts.filter(({ id }) => state.roles[id] !== 'unused');
  const report = () =>
    renderReport(result.state, {
      ...(title !== '' && { title }),
      names: result.names,
      texts: result.texts,
      facts: [['files', used.map(({ name }) => name).join('  ')]],
      command,
      language,
    });
  return (
    <section class="card output" aria-label={t('Take away')}>
      <div class="tools">
        <label>
          {t('Title')}
          <input
            value={title}
            placeholder={t('Evaluation')}
            onInput={({ currentTarget }) => setTitle(currentTarget.value)}
          />
        </label>
        <button type="button" id="report" onClick={() => download('report.html', 'text/html', report())}>
          {t('Download the report')}
        </button>
        <button
          type="button"
          id="state"
          onClick={() => download('state.json', 'application/json', `${JSON.stringify(result.state)}\n`)}
        >
          {t('Download state.json')}
        </button>
      </div>
      <div class="tools">
        <code>{command}</code>
        <button
          type="button"
          class="quiet"
          onClick={async () => {
            await copy(command);
            setCopied(true);
          }}
        >
          {copied ? t('Copied') : t('Copy')}
        </button>
      </div>
    </section>
  );
}

/** Loss and gradient over the probability of the true class: the formulas of the losses, in doubles. */
function LossCurves({ choices }: { choices: State['choices'] }) {
  const t = useText();
  const { gamma, loss } = choices;
  const s = loss === 'sigmoid' ? choices.smoothing : 0;
  const [own, setOwn] = useState<number | null>(null);
  const shown = own ?? gamma;
  const steps = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);
  const value = (p: number, g: number) => ((1 - p) * (1 - s) + s / 2) ** g * -Math.log(p);
  // over the logit: p·(1 − p) times the slope over p
  const slope = (p: number, g: number) => {
    const q = (1 - p) * (1 - s) + s / 2;
    return q ** g * (1 - p) + g * q ** (g - 1) * (1 - s) * p * (1 - p) * -Math.log(p);
  };
  const curve = (of: typeof value, g: number): Point[] => steps.map((p) => [p, of(p, g)]);
  const x = { label: t('probability of the true class'), domain: [0, 1], ticks: 5 } as const;
  const data = (of: typeof value) => ({
    head: ['p', `γ = ${shown}`, 'γ = 0'],
    rows: steps
      .filter((_, i) => i % 10 === 9 || i === 0)
      .map((p) => [p.toFixed(2), fixed(of(p, shown)), fixed(of(p, 0))]),
  });
  const note = (
    <>
      <i class="swatch accent" /> γ = {shown} <i class="swatch over" /> γ = 0, {t('cross-entropy')}
    </>
  );
  return (
    <Section
      title={t('What the loss does')}
      note={t('Before class weights: how much a sample counts, and how hard it pulls at its logit.')}
    >
      <label class="slider">
        γ
        <input
          type="range"
          min={0}
          max={5}
          step={0.1}
          value={shown}
          onInput={({ currentTarget }) => setOwn(Number(currentTarget.value))}
        />
        <output>{shown.toFixed(1)}</output>
      </label>
      <div class="charts">
        <Chart
          title={t('Loss')}
          note={note}
          x={x}
          y={{ label: t('loss'), domain: [0, 5], ticks: 5 }}
          data={data(value)}
        >
          {(place) => (
            <g class="clip">
              <Line place={place} points={curve(value, 0)} class="line second" />
              <Line place={place} points={curve(value, shown)} class="line" />
            </g>
          )}
        </Chart>
        <Chart
          title={t('Gradient over the logit')}
          note={note}
          x={x}
          y={{ label: t('gradient'), domain: [0, 1.4], ticks: 5 }}
          data={data(slope)}
        >
          {(place) => (
            <>
              <Line place={place} points={curve(slope, 0)} class="line second" />
              <Line place={place} points={curve(slope, shown)} class="line" />
            </>
          )}
        </Chart>
      </div>
    </Section>
  );
}
