import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { expect, test } from 'vitest';
import type { Kernels } from '../bindings/backend/kernels.ts';
import { kernelsOf } from '../bindings/backend/wasm.ts';

type Probe = (from: number, to: number, n: number) => void;
type Probe2 = (from: number, second: number, to: number, n: number) => void;
type Probes = Record<'probeExpFast' | 'probeExp' | 'probeLog' | 'probeLog1p', Probe> & Record<'probeRestored', Probe2>;
const debug = kernelsOf<Kernels & Probes>(
  instantiateSync(readFileSync(new URL('../build/focal.debug.wasm', import.meta.url))).exports,
);

const N = 16384;
const STEPS = 64;

/** Spacing of float32 at a normal value. */
const ulp = (y: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(y))), -126) - 23);

/** Sweep [lo, hi] with STEPS × N points, off the grid by a fraction that never repeats; the largest error in ULP. */
function sweep(
  lo: number,
  hi: number,
  run: (x: Float32Array) => Float32Array,
  truth: (x: Float32Array, i: number) => number,
  unit: (x: number, y: number) => number = (_, y) => ulp(y),
): number {
  let worst = 0;
  for (let step = 0; step < STEPS; step++) {
    const x = Float32Array.from(
      { length: N },
      (_, i) => lo + ((hi - lo) * (i + ((step * 0.6180339887498949) % 1))) / N,
    );
    const y = run(x);
    for (let i = 0; i < N; i++) {
      const want = truth(x, i);
      if (Math.abs(want) >= 2 ** -126) worst = Math.max(worst, Math.abs(y[i]! - want) / unit(x[i]!, want));
    }
  }
  return worst;
}

const view = (at: number): Float32Array => new Float32Array(debug.memory.buffer, at, N);
function one(probe: Probe): (x: Float32Array) => Float32Array {
  return (x) => {
    view(debug.TILE).set(x);
    probe(debug.TILE, debug.LOGIT_WEIGHTS, N);
    return view(debug.LOGIT_WEIGHTS).slice();
  };
}

/** The second argument of a probe, made anew for each x. */
let second = new Float32Array(N);
function two(probe: Probe2, make: (x: number, i: number) => number): (x: Float32Array) => Float32Array {
  return (x) => {
    second = x.map(make);
    view(debug.TILE).set(x);
    view(debug.CLASS_WEIGHTS).set(second);
    probe(debug.TILE, debug.CLASS_WEIGHTS, debug.LOGIT_WEIGHTS, N);
    return view(debug.LOGIT_WEIGHTS).slice();
  };
}

/** e^(x − m) with m from 0 to 7. */
const restored = two(debug.probeRestored, (_, i) => ((i * 7919) % 1001) / 143);

test.each([
  ['exp', 2.5, () => sweep(-87.3, 0, one(debug.probeExp), (x, i) => Math.exp(x[i]!))],
  ['exp near 0', 2.5, () => sweep(-1, 0, one(debug.probeExp), (x, i) => Math.exp(x[i]!))],
  ['restored', 32, () => sweep(-80, 0, restored, (x, i) => Math.exp(x[i]! - second[i]!))],
  ['restored below −20', 3, () => sweep(-80, -20, restored, (x, i) => Math.exp(x[i]! - second[i]!))],
  ['log far from 1', 1, () => sweep(8, 1e6, one(debug.probeLog), (x, i) => Math.log(x[i]!))],
  ['log', 3, () => sweep(0.25, 8, one(debug.probeLog), (x, i) => Math.log(x[i]!))],
  ['log1p', 6, () => sweep(0, 1, one(debug.probeLog1p), (x, i) => Math.log1p(x[i]!))],
  ['log1p near 0', 6, () => sweep(0, 1e-3, one(debug.probeLog1p), (x, i) => Math.log1p(x[i]!))],
] as [string, number, () => number][])('%s: at most %d ULP', (name, most, worst) => {
  const measured = worst();
  expect(measured, `${name} ${measured}`).toBeLessThanOrEqual(most);
  // the stated number is not a loose one
  if (!/near|far/.test(name)) expect(measured).toBeGreaterThan(most / 2);
});

test('exp in the fast form: at most 2 + 1.25·|d| ULP', () => {
  const worst = sweep(
    -87.3,
    0,
    one(debug.probeExpFast),
    (x, i) => Math.exp(x[i]!),
    (x, y) => ulp(y) * (2 + 1.25 * Math.abs(x)),
  );
  expect(worst).toBeLessThanOrEqual(1);
});

test('exactly 1 at 0, 0 far below, NaN for NaN', () => {
  const x = new Float32Array(N).fill(-0);
  x.set([0, -89, -1000, -Infinity, Number.NaN]);
  for (const probe of [debug.probeExp, debug.probeExpFast]) {
    expect([...one(probe)(x).subarray(0, 5)]).toEqual([1, 0, 0, 0, Number.NaN]);
  }
});
