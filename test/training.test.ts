import { describe, expect, test } from 'vitest';
import { customLoss } from '../bindings/entries/tfjs.ts';
// @ts-expect-error the example is plain JavaScript, so that Node 20 runs it
import * as experiment from '../examples/training/experiment.mjs';
import { backends } from './backends.ts';

const { difference, methods, score, split, train } = experiment;
const tf = experiment.tf as typeof import('@tensorflow/tfjs-core');
const days = split(0, 4);

describe.each(backends.filter(({ name }) => name !== 'debug'))('training on the weather, $name', ({ api }) => {
  const all = methods(api, days.rates);

  test.each<[string, number]>(all.map(({ name }: { name: string }, i: number) => [name, i]))(
    '%s: the loss curve is that of autodiff',
    (_, i) => {
      const ours = train(customLoss(tf, all[i].loss), days, 40).curve;
      expect(difference(ours, train(all[i].autodiff, days, 40).curve)).toBeLessThan(1e-4);
      expect(ours.at(-1)).toBeLessThan(0.9 * ours[0]);
    },
  );

  test('rare classes are found once the loss is focal and weighted', () => {
    const [plain, , , weighted] = all.map(
      ({ loss }: { loss: Parameters<typeof customLoss>[1] }, i: number) =>
        i % 3 === 0 && score(train(customLoss(tf, loss), days, 200).predicted, days.test.y),
    );
    const [, , fog, drizzle] = plain.recall;
    expect(fog).toBeLessThan(0.1);
    expect(drizzle).toBe(0);
    expect(weighted.recall[2]).toBeGreaterThan(0.4);
    expect(weighted.recall[3]).toBeGreaterThan(0.2);
    expect(weighted.macroRecall).toBeGreaterThan(plain.macroRecall + 0.15);
  });
});
