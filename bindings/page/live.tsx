/** The report of an evaluation, or of a comparison, alive. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { FocalMeter } from '../entries/scalar.ts';
import { Comparison } from '../report/comparison.tsx';
import { Confusion } from '../report/crossing.tsx';
import { thresholdText } from '../report/curves.tsx';
import { className, describe, describeComparison, type Fact, type Labels, type Metrics } from '../report/format.ts';
import { Groups, type GroupsReport, metricName } from '../report/groups.tsx';
import { useText } from '../report/language.ts';
import { Headline, Reliability, Samples, Section, samplesOf } from '../report/sections.tsx';
import { type CurveOf, Thresholds } from '../report/thresholds.ts';
import type { Language } from '../report/types.ts';
import { AllClasses } from './classes.tsx';
import { Losses } from './distribution.tsx';
import { Output } from './output.tsx';
import type { Evaluated, Result } from './protocol.ts';
import { size } from './sizes.ts';
import type { Actions, State } from './store.ts';
import { ThresholdSection } from './threshold.tsx';

interface LiveProps {
  readonly state: State;
  readonly result: Result;
  readonly actions: Actions;
  readonly language: Language;
}

export function Live({ state, result, actions, language }: LiveProps) {
  const t = useText();
  const { evaluated, compared, names } = result;
  const labels: Labels = { names, texts: state.texts };
  const facts: Fact[] = [
    ...(evaluated ? describe(evaluated.total.config, evaluated.metrics, t) : []),
    ...(compared && !evaluated ? describeComparison(compared.state.baseline.config, compared.report, t) : []),
  ];
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
      {compared && (
        <article aria-labelledby="two">
          <h2 id="two" class="part">
            {t('Two models on the same samples')}
          </h2>
          <Comparison r={compared.report} labels={labels} />
        </article>
      )}
      {evaluated && (
        <article aria-label={t('Evaluation')}>
          {compared && <h2 class="part">{t('The candidate by itself')}</h2>}
          <Evaluation {...{ state, evaluated, labels, actions }} />
        </article>
      )}
    </div>
  );
}

interface EvaluationProps {
  readonly state: State;
  readonly evaluated: Evaluated;
  readonly labels: Labels;
  readonly actions: Actions;
}

function Evaluation({ state, evaluated, labels, actions }: EvaluationProps) {
  const t = useText();
  const thresholds = useMemo(() => {
    const { config } = evaluated.total;
    return config.curves ? Thresholds.of(FocalMeter.fromJSON(evaluated.total), evaluated.metrics) : null;
  }, [evaluated]);
  const [threshold, move] = useState<number | null>(null);
  const [focus, look] = useState<CurveOf>(null);
  useEffect(() => {
    move(null);
    look(thresholds?.main ?? null);
  }, [thresholds]);
  const moved = threshold !== null && thresholds?.decides === true;
  const m = useMemo(() => (moved ? thresholds.at(threshold) : evaluated.metrics), [evaluated, thresholds, threshold]);
  return (
    <>
      {evaluated.probable && (
        <p class="hint">
          {t('These numbers look like probabilities, and were taken for logits.')}{' '}
          <button type="button" class="quiet" onClick={() => actions.evaluate({ input: 'probabilities' })}>
            {t('Take them for probabilities')}
          </button>
        </p>
      )}
      {moved && (
        <p class="hint" role="status">
          {t('At the threshold {what}. Report, state and command are as evaluated.', {
            what: thresholdText(threshold),
          })}
        </p>
      )}
      <Headline m={m} labels={labels} />
      <Reliability m={m} />
      {thresholds && <ThresholdSection {...{ thresholds, labels, threshold, move, focus, look }} m={m} />}
      {evaluated.losses && <Losses counts={evaluated.losses} variant={m.variant} />}
      {evaluated.groups && <OrderedGroups reports={evaluated.groups} m={evaluated.metrics} />}
      <AllClasses m={m} labels={labels} />
      <Confusion m={m} labels={labels} pairs={evaluated.pairs} chosen={state.chosen} choose={actions.look}>
        <Cell state={state} labels={labels} />
      </Confusion>
      {evaluated.hardest.length > 0 && (
        <Section title={t('Hardest samples')} note={t('Largest focal loss first.')}>
          <Samples samples={samplesOf(m, evaluated.hardest)} labels={labels} />
        </Section>
      )}
    </>
  );
}

/** The groups, ordered by the metric that is chosen. */
function OrderedGroups({ reports, m }: { readonly reports: readonly GroupsReport[]; readonly m: Metrics }) {
  const t = useText();
  const [metric, choose] = useState('accuracy');
  const report = reports.find((one) => one.metric === metric) ?? reports[0]!;
  return (
    <Groups groups={report} m={m}>
      <div class="tools">
        <label>
          {t('by')}
          <select id="worst" value={metric} onChange={({ currentTarget: { value } }) => choose(value)}>
            {reports.map(({ metric }) => (
              <option key={metric} value={metric}>
                {t(metricName(metric))}
              </option>
            ))}
          </select>
        </label>
      </div>
    </Groups>
  );
}

/** The samples of the cell that was chosen. */
function Cell({ state, labels }: { state: State; labels: Labels }) {
  const t = useText();
  const { chosen, samples } = state;
  const shown = useRef<HTMLDivElement>(null);
  useEffect(() => shown.current?.scrollIntoView({ block: 'nearest' }), [chosen, samples]);
  if (!chosen) return <p class="note">{t('Choose a cell to see its samples.')}</p>;
  const [target, prediction] = [className(labels, chosen.target), className(labels, chosen.prediction)];
  return (
    <div ref={shown} class="cell" aria-live="polite">
      <h3>
        {t('{target} taken for {prediction}', { target, prediction })}
        {samples && `: ${t('{n} of largest loss', { n: samples.length })}`}
      </h3>
      {samples ? <Samples samples={samples} labels={labels} /> : <progress aria-label={t('Progress')} />}
    </div>
  );
}
