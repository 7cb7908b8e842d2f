/** What the loss does, whatever the data. */
import { useState } from 'preact/hooks';
import { Chart, Key, Line, type Point } from '../report/charts.tsx';
import { fixed } from '../report/format.ts';
import { useText } from '../report/language.ts';
import { Section } from '../report/sections.tsx';
import type { State } from './store.ts';

/** Loss and gradient over the probability of the true class: the formulas of the losses, in doubles. */
export function LossCurves({ choices }: { choices: State['choices'] }) {
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
      <Key kind="accent">γ = {shown}</Key> <Key kind="over">γ = 0, {t('cross-entropy')}</Key>
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
