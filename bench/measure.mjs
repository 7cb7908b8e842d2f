/** Timing: contenders take turns in rounds, so that a noisy neighbour hits all of them alike. */
import { Bench } from 'tinybench';

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Time every contender once a round; the first of a round is another each time. With `warm` each has an untimed call just
 * before, so that none pays for what the one before it left in the caches.
 *
 * @param contenders `{ name, run, async }`; `run` may give `{ overriddenDuration }` in ms
 * @param limits `{ rounds, budget, least, warm }`: at most so many rounds, none begun after so many ms, but `least` (2) of
 *   them
 * @returns Map of name → milliseconds of each round
 */
export async function takeTurns(contenders, { rounds, budget, least = 2, warm = false }) {
  const samples = new Map(contenders.map(({ name }) => [name, []]));
  const start = performance.now();
  for (let round = 0; round < rounds && (round < least || performance.now() - start < budget); round++) {
    for (let i = 0; i < contenders.length; i++) {
      const { name, run, async = false } = contenders[(i + round) % contenders.length];
      const bench = new Bench({
        time: 0,
        iterations: 1,
        warmup: warm,
        warmupTime: 0,
        warmupIterations: 1,
        retainSamples: true,
        throws: true,
      });
      bench.add(name, run, { async });
      await bench.run();
      samples.get(name).push(bench.tasks[0].result.latency.samples[0]);
    }
  }
  return samples;
}

/** The largest difference of two arrays, in units of the largest number of the second. */
export function arrayDifference(a, b) {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    // A NaN fails this comparison the right way round.
    if (!(d <= difference)) difference = d;
    if (Math.abs(b[i]) > largest) largest = Math.abs(b[i]);
  }
  return difference / (largest || 1);
}
