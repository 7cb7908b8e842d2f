import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CLASS_GROUP,
  LOGITS,
  PLANE_GAP,
  PLANES,
  ROWS,
  SAMPLES,
  SOFTMAX_BLOCK,
  TRANSPOSED,
} from '../bindings/backend/constants.ts';
import { scalarPairKernels } from '../bindings/backend/scalar/pairs.ts';
import { readInput } from '../bindings/input/tensors.ts';
import { planeStride, planSamples, SIGMOID_METRICS_ROOM, SIGMOID_ROOM, SOFTMAX_ROOM } from '../bindings/losses/plan.ts';
import { Tile } from '../bindings/losses/tile.ts';
import { backends } from './backends.ts';
import { indexOf } from './layout.ts';

/** How a loss reads logits and targets. */
const READING = { variant: 'softmax', input: 'logits', classAxis: 1 } as const;
const ROOMS = { softmax: SOFTMAX_ROOM, sigmoid: SIGMOID_ROOM, metrics: SIGMOID_METRICS_ROOM };

describe('planSamples', () => {
  test.each([
    ['rows of many classes', 100, 1, 'softmax', { images: 655, positions: 1, classes: 100, form: ROWS }],
    ['rows of few classes', 10, 1, 'softmax', { images: 4096, positions: 1, classes: 10, form: TRANSPOSED }],
    ['pairs', 2, 1, 'softmax', { images: 4096, positions: 1, classes: 2, form: PLANES }],
    ['small images', 10, 49, 'softmax', { images: 83, positions: 49, classes: 10, form: PLANES }],
    ['a large image', 10, 10_000, 'softmax', { images: 1, positions: 4096, classes: 10, form: PLANES }],
    ['more classes than fit', 70_000, 1, 'softmax', { images: 1, positions: 1, classes: 65_536, form: ROWS }],
    ['one-vs-rest lies as it comes', 10, 49, 'sigmoid', { images: 83, positions: 49, classes: 10, form: ROWS }],
    ['half tiles with metrics', 70_000, 1, 'metrics', { images: 1, positions: 1, classes: 32_768, form: ROWS }],
  ] as const)('%s', (_, classes, positions, room, plan) => {
    expect(planSamples({ classes, positions }, ROOMS[room])).toEqual(plan);
  });

  test('tiles fit, and chunks hold whole blocks of classes', () => {
    const property = fc.property(
      fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 200_000 })),
      fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 200_000 })),
      fc.constantFrom(...Object.values(ROOMS)),
      (classes, positions, room) => {
        const plan = planSamples({ classes, positions }, room);
        const samples = plan.images * plan.positions;
        expect(samples).toBeGreaterThan(0);
        expect(samples).toBeLessThanOrEqual(SAMPLES);
        const stride = plan.form === PLANES && samples >= 256 ? planeStride(samples) : samples;
        expect(stride * plan.classes).toBeLessThanOrEqual(room.logits);
        if (plan.classes < classes) {
          expect(plan.images).toBe(1);
          expect(plan.classes % (room.across && plan.form === ROWS ? SOFTMAX_BLOCK : CLASS_GROUP)).toBe(0);
          expect(plan.classes).toBeGreaterThan(0);
        }
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  test('between planes there is room for whole vectors of eight, and a gap', () => {
    for (let n = 1; n <= SAMPLES; n++) {
      const stride = planeStride(n);
      expect(stride % 32).toBe(16);
      expect(stride - ((n + 7) & ~7)).toBeGreaterThanOrEqual(PLANE_GAP);
    }
  });
});

/** [batch, classes, positions]: about the borders of what a tile holds, of short runs and of blocks of classes. */
const BORDERS = [
  [1, 1, 1],
  [5000, 3, 1],
  [4097, 16, 1],
  [2, 40_000, 1],
  [3, 70_001, 1],
  [30, 21, 49],
  [2, 21, 4097],
  [3, 2, 255],
  [3, 2, 256],
  [2, 150, 300],
  [1, 1000, 257],
  [2, 33_000, 2],
  [1, 9000, 260],
] as const;

describe.each(backends)('Tile on $name', ({ backend, kernels }) => {
  const f32 = () => new Float32Array(kernels.memory.buffer);
  const SHAPES = fc.record({
    batch: fc.integer({ min: 1, max: 6 }),
    classes: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 250, max: 700 })),
    positions: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 250, max: 600 })),
    half: fc.boolean(),
    room: fc.constantFrom(...Object.values(ROOMS)),
  });

  // what lies between the planes of a tile, and behind it, is nobody's
  test('every logit is loaded once to its place, and stored from there; nothing beside them is written', () => {
    const property = fc.property(SHAPES, ({ batch, classes, positions, half, room }) => {
      const length = batch * classes * positions;
      const logits = half ? new Uint16Array(length).fill(0x3c00) : Float32Array.from({ length }, (_, i) => i + 1);
      const targets = new Int32Array(batch * positions);
      const input = readInput(
        { data: logits, dims: [batch, classes, positions], ...(half ? { type: 'float16' } : {}) },
        targets,
        READING,
      );
      const tile = new Tile(backend, input, planSamples(input, room));
      const out = new Float32Array(length);
      const start = kernels.TILE >> 2;
      tile.eachSamples(() => {
        tile.eachClasses(() => {
          const memory = f32();
          memory.fill(-7, start, start + LOGITS);
          tile.load(input.logits, false);
          let written = 0;
          for (let i = start; i < start + LOGITS; i++) if (memory[i] !== -7) written++;
          expect(written).toBe(tile.samples * tile.classes);
          tile.store(out, tile.source);
        });
      });
      for (let i = 0; i < length; i++) if (out[i] !== (half ? 1 : i + 1)) expect.fail(`[${i}] is ${out[i]}`);
    });
    fc.assert(property, { numRuns: 25 });
  });

  const cases = BORDERS.flatMap((shape) =>
    Object.entries(ROOMS).map(([name, room]) => [...shape, name, room] as const),
  );
  test.each(cases)(
    '[%i, %i, %i], %s: each logit once, where it is said to be',
    (...[batch, classes, positions, _, room]) => {
      const logits = Float32Array.from({ length: batch * classes * positions }, (_, i) => i % 8191);
      const input = readInput(
        { data: logits, dims: [batch, classes, positions] },
        new Int32Array(batch * positions),
        READING,
      );
      const seen = new Uint8Array(logits.length);
      const tile = new Tile(backend, input, planSamples(input, room));
      let samples = 0;
      tile.eachSamples(() => {
        expect(tile.firstSample).toBe(samples);
        samples += tile.samples;
        tile.eachClasses(() => {
          tile.load(logits, false);
          const memory = f32();
          let wrong = 0;
          for (let i = 0; i < tile.samples; i++) {
            const [b, d] = [Math.floor(i / tile.positions), i % tile.positions];
            for (let c = 0; c < tile.classes; c++) {
              const at = indexOf(input, tile.firstSample + i, tile.firstClass + c);
              seen[at] = (seen[at] as number) + 1;
              const from = (tile.source >> 2) + b * tile.imageStride + c * tile.classStride + d;
              if (memory[from] !== logits[at]) wrong++;
            }
          }
          expect(wrong).toBe(0);
        });
      });
      expect(samples).toBe(batch * positions);
      expect(seen.every((times) => times === 1)).toBe(true);
    },
  );

  test('an array in the memory of the kernels is taken where it is', () => {
    if (!kernels.memory.grow) return;
    const data = new Float32Array(kernels.memory.buffer, kernels.LOGIT_WEIGHTS, 60);
    const input = readInput({ data, dims: [2, 3, 10] }, new Int32Array(20), READING);
    const tile = new Tile(backend, input, planSamples(input, SOFTMAX_ROOM));
    tile.eachSamples(() => {
      tile.eachClasses(() => {
        tile.load(data, true);
        expect([tile.source, tile.imageStride, tile.classStride]).toEqual([data.byteOffset, 30, 10]);
        tile.load(data, false);
        expect(tile.source).toBe(kernels.TILE);
      });
    });
  });
});

test('the contract stays small, and both sides keep it', () => {
  const text = readFileSync(new URL('../bindings/backend/kernels.ts', import.meta.url), 'utf8');
  const members = [...text.matchAll(/^ {2}(?:readonly )?(\w+)[:(]/gm)].map((match) => match[1] as string);
  const constants = members.filter((name) => /^[A-Z_]+$/.test(name));
  const functions = members.filter((name) => /^[a-z]/.test(name) && name !== 'memory');
  expect(functions.length).toBeLessThanOrEqual(24);
  expect(constants.length).toBeLessThanOrEqual(18);
  for (const { kernels } of backends) {
    expect(Object.keys({ ...scalarPairKernels(), ...kernels })).toEqual(expect.arrayContaining(members));
  }
  const built = new WebAssembly.Module(readFileSync(new URL('../build/focal.wasm', import.meta.url)));
  const exported = WebAssembly.Module.exports(built).map(({ name }) => name);
  expect(exported.sort()).toEqual([...members].sort());
  // one screen tells the order of the calls
  expect(text.slice(0, text.indexOf('*/')).split('\n').length).toBeLessThanOrEqual(40);
  // and nobody else calls a stage
  const callers = readdirSync(new URL('../bindings/', import.meta.url), { recursive: true, encoding: 'utf8' }).filter(
    (file) =>
      /\.ts$/.test(file) &&
      /kernels\.(open|choose|scan|sum|others|close)\(/.test(
        readFileSync(new URL(`../bindings/${file}`, import.meta.url), 'utf8'),
      ),
  );
  expect(callers.sort()).toEqual(['losses/stages.ts', 'losses/tile.ts']);
});
