/** The report of an evaluation, alive. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { FocalMeter } from '../entries/scalar.ts';
import { Confusion } from '../report/crossing.tsx';
import { thresholdText } from '../report/curves.tsx';
import { className, describe, figures, type Labels, type Metrics } from '../report/format.ts';
import { useText } from '../report/language.ts';
import { Headline, Reliability, Samples, Section } from '../report/sections.tsx';
import { type CurveOf, Thresholds } from '../report/thresholds.ts';
import type { Language } from '../report/types.ts';
import { AllClasses } from './classes.tsx';
import { Losses } from './distribution.tsx';
import { Output } from './output.tsx';
import type { Result } from './protocol.ts';
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
  const { names } = result;
  const labels: Labels = { names, texts: state.texts };
  const thresholds = useMemo(() => {
    const { config } = result.state;
    return config.curves ? Thresholds.of(FocalMeter.fromJSON(result.state), result.metrics) : null;
  }, [result]);
  const [threshold, move] = useState<number | null>(null);
  const [focus, look] = useState<CurveOf>(null);
  useEffect(() => {
    move(null);
    look(thresholds?.main ?? null);
  }, [thresholds]);
  const moved = threshold !== null && thresholds?.decides === true;
  const m = useMemo(() => (moved ? thresholds.at(threshold) : result.metrics), [result, thresholds, threshold]);
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
      {result.probable && (
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
      {result.baseline && <Against m={m} baseline={result.baseline} />}
      <Reliability m={m} />
      {thresholds && <ThresholdSection {...{ thresholds, labels, threshold, move, focus, look }} m={m} />}
      {result.losses && <Losses counts={result.losses} variant={m.variant} />}
      <AllClasses m={m} labels={labels} />
      <Confusion m={m} labels={labels} pairs={result.pairs} chosen={state.chosen} choose={actions.look}>
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
