/** Curves with a threshold that is moved by hand, or found by what it has to hold. */
import { useMemo, useState } from 'preact/hooks';
import type { Criterion, OperatingPoint } from '../meter/operating.ts';
import { CurveCharts, othersOf, pointAt, thresholdText, useCurveName } from '../report/curves.tsx';
import { CONFIDENCE, type Labels, type Metrics, occurring, plain } from '../report/format.ts';
import { useText } from '../report/language.ts';
import { DecisionFigures, Section } from '../report/sections.tsx';
import type { CurveOf, Thresholds } from '../report/thresholds.ts';

/** Thresholds that the slider stops at: each is the edge of a cell. */
const STEP = 1 / 32;

/** What a threshold can be asked to hold, and what is asked of it at first. */
const CRITERIA = {
  fBeta: { name: 'largest F1', of: null },
  precision: { name: 'precision at least', of: 0.9 },
  recall: { name: 'recall at least', of: 0.9 },
  specificity: { name: 'specificity at least', of: 0.9 },
  falsePositiveRate: { name: 'false positive rate at most', of: 0.05 },
} as const;
type Wanted = keyof typeof CRITERIA;

interface ThresholdProps {
  readonly thresholds: Thresholds;
  readonly m: Metrics;
  readonly labels: Labels;
  /** As a logit; null is the one that was evaluated with. */
  readonly threshold: number | null;
  readonly move: (logit: number | null) => void;
  readonly focus: CurveOf;
  readonly look: (c: CurveOf) => void;
}

export function ThresholdSection(props: ThresholdProps) {
  const { thresholds, m, labels, threshold, move, focus, look } = props;
  const t = useText();
  const name = useCurveName(m, labels);
  const points = useMemo(() => thresholds.curve(focus), [thresholds, focus]);
  const others = useMemo(
    () => (focus === null ? othersOf(thresholds, m, labels) : []),
    [thresholds, focus, labels.names],
  );
  const own = thresholds.decides ? thresholds.own : null;
  const shown = threshold ?? own;
  const mark = shown === null ? null : pointAt(points, shown);
  const several = m.perClass.length > 1 && thresholds.main === null;
  return (
    <Section
      title={t('Thresholds')}
      note={
        thresholds.decides
          ? t('Move the threshold: every number of this page that depends on decisions follows.')
          : t('A class against the rest. Between several classes the largest logit decides, so the numbers above stay.')
      }
    >
      <div class="tools">
        {several && (
          <label>
            {t('curve of')}
            <select
              id="curve"
              value={String(focus ?? '')}
              onChange={({ currentTarget: { value } }) => look(value === '' ? null : Number(value))}
            >
              <option value="">{name(null)}</option>
              {occurring(m).map((c) => (
                <option key={c} value={String(c)}>
                  {name(c)}
                </option>
              ))}
            </select>
          </label>
        )}
        <Search thresholds={thresholds} focus={focus} move={move} />
      </div>
      <Slider {...{ thresholds, shown, move }} />
      <CurveCharts points={points} mark={mark} others={others} />
      {mark && <AtThreshold point={mark} what={name(focus)} confidence={m.confidence ?? CONFIDENCE} />}
    </Section>
  );
}

interface SliderProps {
  readonly thresholds: Thresholds;
  readonly shown: number | null;
  readonly move: (logit: number | null) => void;
}

function Slider({ thresholds, shown, move }: SliderProps) {
  const t = useText();
  const [low, high] = useMemo(() => thresholds.range, [thresholds]);
  const text = shown === null ? t('its own of each class') : thresholdText(shown);
  return (
    <div class="slider">
      <label>
        {t('threshold')}
        <input
          id="threshold"
          type="range"
          min={low}
          max={high}
          step={STEP}
          value={Math.min(high, Math.max(low, shown ?? 0))}
          aria-valuetext={text}
          onInput={({ currentTarget }) => move(currentTarget.valueAsNumber)}
        />
      </label>
      <output>{text}</output>
      <button type="button" class="quiet" onClick={() => move(null)}>
        {t('As evaluated')}
      </button>
    </div>
  );
}

/** Finds the threshold that is best by a criterion. */
function Search({ thresholds, focus, move }: Pick<ThresholdProps, 'thresholds' | 'focus' | 'move'>) {
  const t = useText();
  const [wanted, want] = useState<Wanted>('fBeta');
  const [bound, setBound] = useState(0.9);
  const [none, setNone] = useState(false);
  const bounded = CRITERIA[wanted].of !== null;
  const find = () => {
    const criterion = { [wanted]: bounded ? bound : 1 } as unknown as Criterion;
    const point = bound >= 0 && bound <= 1 ? thresholds.best(focus, criterion) : null;
    setNone(point === null);
    if (point) move(point.logit);
  };
  return (
    <form
      class="tools"
      onSubmit={(event) => {
        event.preventDefault();
        find();
      }}
    >
      <label>
        {t('find the threshold with')}
        <select
          id="criterion"
          value={wanted}
          onChange={({ currentTarget: { value } }) => {
            want(value as Wanted);
            setBound(CRITERIA[value as Wanted].of ?? bound);
            setNone(false);
          }}
        >
          {Object.entries(CRITERIA).map(([key, { name }]) => (
            <option key={key} value={key}>
              {t(name)}
            </option>
          ))}
        </select>
      </label>
      {bounded && (
        <label>
          {t('bound')}
          <input
            type="number"
            min={0}
            max={1}
            step={0.01}
            value={bound}
            onInput={({ currentTarget: { valueAsNumber } }) => Number.isNaN(valueAsNumber) || setBound(valueAsNumber)}
          />
        </label>
      )}
      <button type="submit">{t('Find')}</button>
      <span role="status" class="note">
        {none && t('No threshold holds that.')}
      </span>
    </form>
  );
}

/** The decisions at the threshold, and what they come to. */
function AtThreshold({ point, what, confidence }: { point: OperatingPoint; what: string; confidence: number }) {
  const t = useText();
  const cells = [
    [t('is'), point.tp, point.fn],
    [t('is not'), point.fp, point.tn],
  ] as const;
  return (
    <div class="at">
      <h3>{t('{what}, at the threshold', { what })}</h3>
      <DecisionFigures decisions={point} confidence={confidence} />
      <table class="counts">
        <caption class="hidden">{t('Decisions')}</caption>
        <thead>
          <tr>
            <td />
            <th scope="col" class="number">
              {t('decided for')}
            </th>
            <th scope="col" class="number">
              {t('decided against')}
            </th>
          </tr>
        </thead>
        <tbody>
          {cells.map(([label, yes, no]) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td class="number">{plain(yes)}</td>
              <td class="number">{plain(no)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
