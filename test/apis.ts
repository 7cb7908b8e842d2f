import { readFileSync } from 'node:fs';
import { instantiateSync } from '@assemblyscript/loader';
import { defineAlloc } from '../bindings/backend/alloc.ts';
import { Backend, type MeterBackend } from '../bindings/backend/backend.ts';
import {
  COLUMN_GROUP,
  PARAM_COUNT,
  PARAM_GROUP_BYTES,
  PARAM_GROUPS,
  PARAM_VARIANT,
  SIGMOID,
} from '../bindings/backend/constants.ts';
import type { MeterKernels, PairKernels } from '../bindings/backend/kernels.ts';
import { scalarMeterKernels } from '../bindings/backend/scalar/meter-kernels.ts';
import { scalarPairKernels } from '../bindings/backend/scalar/pairs.ts';
import { instantiate, kernelsOf } from '../bindings/backend/wasm.ts';
import { defineCalibrate } from '../bindings/calibrate/temperature.ts';
import { defineComparison } from '../bindings/compare/api.ts';
import { defineLosses } from '../bindings/losses/api.ts';
import { classWeights } from '../bindings/losses/weights.ts';
import { defineMeter } from '../bindings/meter/api.ts';
import { defineSlices } from '../bindings/meter/slices-api.ts';

const built = (file: string) => readFileSync(new URL(`../build/${file}`, import.meta.url));

/** The debug build by the loader of AssemblyScript. */
const debug = kernelsOf<
  MeterKernels & PairKernels & { arm(): void; broken(): number; armPlanes(): void; checkPlanes(rows: boolean): void }
>(instantiateSync(built('focal.debug.wasm')).exports);
debug.arm();
const { open, close, gradient, labels, tally, finish } = debug;
let samples = 0;
let blocks = 0;

/** Count the blocks of groups that hold anything in their last 64 bytes, which are no block's. */
function checkBlocks(): void {
  const { buffer } = debug.memory;
  const params = new Float64Array(buffer, debug.PARAMS, PARAM_COUNT);
  const [at, stride] = [params[PARAM_GROUPS] as number, params[PARAM_GROUP_BYTES] as number];
  if (at <= 0) return;
  for (const own of new Set(new Int32Array(buffer, debug.COLUMNS + COLUMN_GROUP, samples))) {
    if (new Int32Array(buffer, at + own * stride + stride - 64, 16).some((word) => word !== 0)) blocks++;
  }
}

Object.assign(debug, {
  labels(n: number, ...rest: [number, number]) {
    samples = n;
    return labels(n, ...rest);
  },
  tally() {
    const left = tally();
    checkBlocks();
    return left;
  },
  finish() {
    const at = finish();
    // softmax counts afterwards
    const params = new Float64Array(debug.memory.buffer, debug.PARAMS, PARAM_COUNT);
    if (params[PARAM_VARIANT] === SIGMOID) checkBlocks();
    return at;
  },
  open(...tile: Parameters<typeof open>) {
    open(...tile);
    debug.armPlanes();
  },
  close() {
    debug.checkPlanes(false);
    close();
  },
  gradient(reloaded: boolean) {
    const at = gradient(reloaded);
    debug.checkPlanes(true);
    return at;
  },
});

/** How many guards of the debug build have been written over: between scratch blocks, planes and the blocks of groups. */
export const broken = (): number => debug.broken() + blocks;

const make = (name: 'simd' | 'scalar' | 'debug', backend: MeterBackend, pairs: PairKernels) => {
  const FocalMeter = defineMeter(() => backend);
  const alloc = defineAlloc(() => backend);
  const views = new Backend(backend.name, pairs);
  const FocalComparison = defineComparison(FocalMeter, () => views);
  return {
    name,
    backend,
    kernels: backend.kernels,
    api: {
      ...defineLosses(() => backend),
      alloc,
      FocalMeter,
      SlicedMeter: defineSlices(FocalMeter),
      ...defineCalibrate(FocalMeter),
      FocalComparison,
      classWeights,
    },
  };
};

const simd = kernelsOf<MeterKernels & PairKernels>(instantiate(new WebAssembly.Module(built('focal.wasm'))));

/** The same API over every set of kernels: what users get, the scalar twin, and the debug build with guarded scratch. */
export const backends = [
  make('simd', new Backend('simd', simd), simd),
  make('scalar', new Backend('scalar', scalarMeterKernels()), scalarPairKernels()),
  make('debug', new Backend('simd', debug), debug),
];
