import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bonferroni,
  criticalValue,
  delong,
  holm,
  isHeldOut,
  mcnemar,
  meanInterval,
  meanOf,
  normalCdf,
  normalQuantile,
  pairedInterval,
  percentileInterval,
  poissonWeight,
  poissonWeights,
  power,
  precisionDifference,
  replicateError,
  wilson,
} from '../bindings/statistics/index.ts';

const golden = JSON.parse(readFileSync(new URL('./golden/statistics.json', import.meta.url), 'utf8'));

/** Close by the larger of a relative and an absolute error. */
function close(got: unknown, want: number, relative: number, absolute = 0): void {
  const allowed = Math.max(absolute, relative * Math.abs(want));
  expect(Math.abs((got as number) - want), `${got} against ${want}`).toBeLessThanOrEqual(allowed);
}

const closeAll = (got: readonly unknown[] | null, want: readonly number[], relative: number, absolute = 0): void => {
  expect(got?.length).toBe(want.length);
  for (const [i, x] of want.entries()) close(got?.[i], x, relative, absolute);
};

describe('agrees with scipy, statsmodels and numpy', () => {
  test.each(golden.quantile as [number, number][])('normalQuantile(%d)', (p, x) => {
    close(normalQuantile(p), x, 1e-13, 1e-15);
  });

  test.each(golden.cdf as [number, number][])('normalCdf(%d)', (x, p) => close(normalCdf(x), p, 2e-13));

  test('Wilson', () => {
    for (const [hits, n, confidence, lower, upper] of golden.wilson) {
      closeAll(wilson(hits, n, criticalValue(confidence)), [lower, upper], 1e-12, 1e-15);
    }
  });

  test.each(golden.mcnemar as [number, number, number][])('mcnemar(%d, %d)', (lost, won, p) => {
    // scipy's own binomial is good to about 1e-9 at a billion draws
    close(mcnemar(lost, won), p, lost > 1e6 ? 1e-7 : 1e-11);
    expect(mcnemar(won, lost)).toBe(mcnemar(lost, won));
  });

  test('the paired interval of Tango, by root finding', () => {
    for (const [lost, won, n, confidence, lower, upper] of golden.paired) {
      closeAll(pairedInterval(lost, won, n, criticalValue(confidence)), [lower, upper], 1e-10, 1e-12);
    }
  });

  test('two precisions, by GEE and sample by sample', () => {
    for (const { right, wrong, ...expected } of golden.precisions) {
      const found = precisionDifference({ right, wrong }, criticalValue(0.95));
      closeAll([found?.difference, found?.standardError], [expected.difference, expected.standardError], 1e-9, 1e-12);
      closeAll([found?.p, ...(found?.interval ?? [])], [expected.p, ...expected.interval], 1e-9, 1e-12);
    }
  });

  test('two precisions: none where a side chose nothing, mirrored when they change places, 0 ± something where they are one', () => {
    const z = criticalValue(0.95);
    expect(precisionDifference({ right: [0, 3, 0], wrong: [0, 1, 0] }, z)).toBeNull();
    const count = fc.nat(30);
    fc.assert(
      fc.property(count, count, count, count, count, count, (a, b, c, d, e, f) => {
        const one = precisionDifference({ right: [a, b, c], wrong: [d, e, f] }, z);
        const other = precisionDifference({ right: [a, c, b], wrong: [d, f, e] }, z);
        if (!one || !other) return one === other;
        const { difference, standardError, p, interval } = one;
        closeAll([other.difference, other.standardError, other.p], [-difference, standardError, p], 1e-9, 1e-12);
        closeAll([other.interval[0], other.interval[1]], [-interval[1], -interval[0]], 1e-9, 1e-12);
        expect(p >= 0 && p <= 1 && interval[0] <= difference && difference <= interval[1]).toBe(true);
        return true;
      }),
    );
    const same = precisionDifference({ right: [9, 0, 0], wrong: [0, 0, 0] }, z);
    expect(same).toMatchObject({ difference: 0, standardError: 0, p: 1 });
    expect(same!.interval[0]).toBeLessThan(-0.1);
  });

  test('Holm', () => {
    for (const { ps, adjusted } of golden.holm) closeAll(holm(ps), adjusted, 1e-14);
  });

  test('DeLong', () => {
    for (const { positives, negatives, auroc, standardError } of golden.delong) {
      const got = delong(positives, negatives);
      closeAll([got?.auroc, got?.standardError], [auroc, standardError], 1e-12, 1e-15);
    }
  });

  test('the interval of a mean, from exact sums', () => {
    for (const { n, sum, squares, interval } of golden.means) {
      closeAll(meanInterval(n, BigInt(sum), BigInt(squares), criticalValue(0.95)), interval, 1e-12);
    }
  });

  test('percentiles and standard errors of replicates', () => {
    for (const { values, interval, error } of golden.quantiles) {
      closeAll(percentileInterval([null, ...values, NaN], 0.95), interval, 1e-13);
      close(replicateError([...values, null]), error, 1e-13);
    }
  });
});

test('what is not defined', () => {
  expect(normalQuantile(0)).toBe(-Infinity);
  expect(normalQuantile(1)).toBe(Infinity);
  for (const p of [-1, 2, NaN]) expect(normalQuantile(p)).toBeNaN();
  expect(normalCdf(NaN)).toBeNaN();
  expect([normalCdf(-Infinity), normalCdf(Infinity)]).toEqual([0, 1]);
  expect([wilson(0, 0, 2), pairedInterval(0, 0, 0, 2), meanOf(0, 0n, 0n), meanInterval(1, 1n, 1n, 2)]).toEqual(
    Array(4).fill(null),
  );
  expect([delong([0, 0], [1, 2]), delong([], []), percentileInterval([1, null], 0.95), replicateError([1])]).toEqual(
    Array(4).fill(null),
  );
  expect(delong([0, 1], [3, 0])).toEqual({ auroc: 1, standardError: null });
  expect(holm([0.5, null, 0.01])).toEqual([0.5, null, 0.02]);
  expect([bonferroni(0.95, 0), bonferroni(0.95, 1)]).toEqual([0.95, 0.95]);
  expect(bonferroni(0.95, 10)).toBeCloseTo(0.995, 15);
  expect(bonferroni(1 - 2 ** -53, 10)).toBeLessThan(1);
});

test('mcnemar never overflows', () => {
  expect(mcnemar(0, 5000)).toBe(0);
  expect(mcnemar(2 ** 40, 2 ** 40 + 1)).toBeCloseTo(1, 5);
  for (const [lost, won] of [
    [1e9, 2e9],
    [3, 1e15],
    [1, 1030],
  ] as const) {
    const p = mcnemar(lost, won);
    expect(p >= 0 && p < 1e-9).toBe(true);
  }
});

test('intervals hold what was seen, turn with their sides, and widen with the confidence', () => {
  fc.assert(
    fc.property(
      fc.nat(300),
      fc.nat(300),
      fc.nat(1000),
      fc.double({ min: 0.5, max: 0.999, noNaN: true }),
      (lost, won, same, level) => {
        const n = lost + won + same + 1;
        const z = criticalValue(level);
        const [lower, upper] = pairedInterval(lost, won, n, z) as [number, number];
        const d = (won - lost) / n;
        expect(lower <= d && d <= upper && lower >= -1 && upper <= 1).toBe(true);
        const [a, b] = pairedInterval(won, lost, n, z) as [number, number];
        expect([a + upper, b + lower]).toEqual([0, 0]);
        const [low, high] = wilson(won, n, z) as [number, number];
        expect(low <= won / n && won / n <= high && low >= 0 && high <= 1).toBe(true);
        const [wider] = pairedInterval(lost, won, n, z + 1) as [number, number];
        expect(wider).toBeLessThanOrEqual(lower);
      },
    ),
  );
  // no pair differs: as wide as Wilson's of none
  const z = criticalValue(0.95);
  closeAll(pairedInterval(0, 0, 1000, z), [-(z * z) / (1000 + z * z), (z * z) / (1000 + z * z)], 1e-12);
});

test('a sum far beyond float64 and values far from 0 lose nothing', () => {
  // 10^6 times the largest float32, and a spread of one unit in the last place about 2^24
  const largest = BigInt(2 ** 128 - 2 ** 104) << 149n;
  expect(meanOf(1e6, largest * 1000000n, 1n)?.mean).toBe(2 ** 128 - 2 ** 104);
  const values = [2 ** 24 - 1, 2 ** 24].map((x) => BigInt(x) << 149n);
  const sum = values.reduce((a, b) => a + b);
  const squares = values.reduce((a, b) => a + ((b * b) >> 149n), 0n);
  expect(meanOf(2, sum, squares)).toEqual({ mean: 2 ** 24 - 0.5, standardError: 0.5 });
});

test('power: the drop shown, and the samples it needs, fit each other', () => {
  for (const proportion of [false, true]) {
    for (const squares of [0, 0.001, 0.2]) {
      const options = { confidence: 0.95, proportion };
      const { smallest } = power(squares, 5000, 0.01, options);
      if (smallest === 0) continue;
      const { needed } = power(squares, 5000, smallest, options);
      expect(Math.abs(needed - 5000), `${needed}`).toBeLessThanOrEqual(1);
    }
  }
  // 1.96 + 0.84 squared is 7.85
  // a confidence next to 1 is not 1
  expect(power(0.04, 1000, 0.01, { confidence: 1 - 2 ** -53 }).smallest).toBeCloseTo(0.0555, 4);
  expect(power(0.04, 1000, 0.01, { confidence: 0.95 }).needed).toBe(Math.ceil((7.84888 * 0.0399) / 0.0001));
});

describe('Poisson weights', () => {
  const samples = 20000;
  const replicates = 50;
  const rows = Array.from({ length: samples }, (_, i) => {
    const weights = new Uint8Array(replicates);
    poissonWeights(7, i, weights);
    return weights;
  });

  test('are the same bits everywhere', () => {
    const cells: [number, number, number][] = [
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
      [1, 0, 0],
      [-1, 2 ** 53 - 1, 2 ** 32 - 1],
      [123, 2 ** 32, 5],
      [123, 0, 5],
    ];
    expect(cells.map((cell) => poissonWeight(...cell))).toEqual(cells.map((cell) => reference(...cell)));
    for (const i of [0, 1, 77, samples - 1]) {
      expect([...(rows[i] as Uint8Array)]).toEqual(Array.from({ length: replicates }, (_, b) => reference(7, i, b)));
    }
  });

  test('follow the Poisson distribution of mean 1', () => {
    const counts = new Float64Array(13);
    for (const row of rows) for (const w of row) counts[w] = (counts[w] as number) + 1;
    const all = samples * replicates;
    for (const [k, p] of (golden.poisson as number[]).entries()) {
      const error = Math.sqrt(all * p * (1 - p));
      expect(Math.abs((counts[k] as number) - all * p), `${k}`).toBeLessThan(4 * error);
    }
  });

  test('are uncorrelated between replicates, and between samples', () => {
    for (const [di, db] of [
      [0, 1],
      [0, 7],
      [1, 0],
      [1, 1],
      [64, 0],
      [1024, 3],
    ] as const) {
      let sum = 0;
      let n = 0;
      for (let i = 0; i + di < samples; i++) {
        for (let b = 0; b + db < replicates; b++, n++) {
          sum += ((rows[i]?.[b] as number) - 1) * ((rows[i + di]?.[b + db] as number) - 1);
        }
      }
      expect(Math.abs(sum / Math.sqrt(n)), `${di} ${db}`).toBeLessThan(4);
    }
    // a replicate's size has the variance of a sum of independent draws
    const sizes = Array.from({ length: replicates }, (_, b) => rows.reduce((sum, row) => sum + (row[b] as number), 0));
    const chi = sizes.reduce((sum, size) => sum + (size - samples) ** 2 / samples, 0);
    expect(chi).toBeGreaterThan(27);
    expect(chi).toBeLessThan(83);
  });

  test('the share held out is the share asked for, and does not depend on the rest', () => {
    const held = rows.filter((_, i) => isHeldOut(i, 0.2)).length;
    expect(Math.abs(held - 4000)).toBeLessThan(4 * Math.sqrt(samples * 0.16));
    expect(rows.some((_, i) => isHeldOut(i, 0))).toBe(false);
    expect(rows.every((_, i) => !isHeldOut(i, 0.1) || isHeldOut(i, 0.2))).toBe(true);
  });
});

/** The docstring, word by word, in integers of any length. */
function reference(seed: number, index: number, replicate: number): number {
  const word = (x: bigint) => BigInt.asUintN(32, x);
  const mix = (x: bigint): bigint => {
    let h = x ^ (x >> 16n);
    h = word(h * 0x85ebca6bn);
    h = word((h ^ (h >> 13n)) * 0xc2b2ae35n);
    return h ^ (h >> 16n);
  };
  const [low, high] = [word(BigInt(index)), BigInt(index) >> 32n];
  const start = mix(word(mix(word(mix(word(BigInt(seed)) ^ 0x9e3779b9n) + high)) + low));
  const step = mix(word(start + 0x9e3779b9n)) | 1n;
  const hash = mix(word(start + BigInt(replicate) * step));
  let [below, probability, factorial] = [0, 0, 1];
  for (let k = 0; k < 12; k++) {
    factorial *= k || 1;
    probability += Math.exp(-1) / factorial;
    if (BigInt(Math.round(probability * 2 ** 32)) <= hash) below = k + 1;
  }
  return below;
}
