import type { Backend } from '../backend/backend.ts';
import { loadLabels } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import type { Settings } from './options.ts';
import { planSamples } from './plan.ts';
import { Tile } from './tile.ts';

/** What a gradient call wants beside the value. */
export interface GradRequest {
  /** Where it goes, in the layout of the logits; may be the logits themselves. */
  readonly into: Float32Array;
  /** Factor of the whole gradient, or one factor a sample. */
  readonly scale: number;
  readonly upstream: Float32Array | null;
}

/** What a call gathers beside the exact sum, which is left in the kernels' TOTAL. */
export interface Request {
  /** Losses one by one: per sample (softmax) or in the layout of the logits (sigmoid). */
  readonly losses: Float32Array | null;
  readonly grad: GradRequest | null;
}

/** Check all targets; the number of samples that are not ignored. */
export function countValid(backend: Backend, input: Input, ignoreIndex: number): number {
  const { SAMPLES } = backend.kernels;
  const n = input.batch * input.positions;
  let valid = 0;
  for (let i = 0; i < n; i += SAMPLES) {
    valid += loadLabels(backend.kernels, input, i, Math.min(SAMPLES, n - i), ignoreIndex);
  }
  return valid;
}

/** UPSTREAM of the tile's samples. */
function loadUpstream(backend: Backend, tile: Tile, grad: GradRequest): void {
  const { f32 } = backend;
  const at = backend.kernels.UPSTREAM >> 2;
  const n = tile.samples;
  const first = tile.firstSample;
  if (grad.upstream) f32.set(grad.upstream.subarray(first, first + n), at);
  else f32.fill(grad.scale, at, at + n);
}

/**
 * Softmax: gap of the true class to all others → focal core → exact sum. Classes that do not fit one tile come
 * by twice (largest, then exponentials), and a third time for the gradient, which is kept in `into` meanwhile.
 * Returns the number of valid samples.
 */
export function streamSoftmax(backend: Backend, settings: Settings, input: Input, { losses, grad }: Request): number {
  const { kernels } = backend;
  const tile = new Tile(backend, input, planSamples(kernels, input, true));
  kernels.configure(settings.gamma, settings.smoothing);
  const load = (array: Input['logits'], inPlace: boolean): void => {
    backend.loadClassWeights(settings, tile);
    tile.load(array, inPlace);
    kernels.leaveOut();
  };
  const release = (): void => {
    if (tile.borrowed) kernels.put(tile.source, kernels.TRUE, 0);
  };
  let valid = 0;
  tile.eachSamples(() => {
    const n = tile.samples;
    valid += loadLabels(kernels, input, tile.firstSample, n, settings.ignoreIndex);
    tile.eachClasses(() => {
      load(input.logits, !grad);
      kernels.largest();
      if (tile.whole) kernels.exponentials(grad !== null);
      release();
    });
    if (!tile.whole) {
      tile.eachClasses(() => {
        load(input.logits, !grad);
        const kept = kernels.exponentials(grad !== null);
        if (grad) tile.store(grad.into, kept);
        release();
      });
    }
    if (grad) loadUpstream(backend, tile, grad);
    kernels.sampleLosses(n, grad !== null);
    kernels.accumulate(kernels.TOTAL, kernels.LOSS, n);
    if (losses) losses.set(backend.f32.subarray(kernels.LOSS >> 2, (kernels.LOSS >> 2) + n), tile.firstSample);
    if (grad) {
      tile.eachClasses(() => {
        if (!tile.whole) load(grad.into, false);
        tile.store(grad.into, kernels.gradients(!tile.whole));
      });
    }
  });
  return valid;
}

/**
 * One-vs-rest: the sign of each true class's logit is turned, which makes every logit the gap of its own decision → focal
 * core → exact sum. Classes that do not fit one tile come in chunks, once. Returns the number of valid samples.
 */
export function streamSigmoid(backend: Backend, settings: Settings, input: Input, { losses, grad }: Request): number {
  const { kernels } = backend;
  const { TILE, PLANES, TOTAL, UPSTREAM } = kernels;
  const tile = new Tile(backend, input, planSamples(kernels, input, false));
  const scale = grad && !grad.upstream ? grad.scale : 1;
  kernels.configure(settings.gamma, settings.smoothing);
  let valid = 0;
  tile.eachSamples(() => {
    const n = tile.samples;
    const counted = loadLabels(kernels, input, tile.firstSample, n, settings.ignoreIndex);
    valid += counted;
    if (grad) loadUpstream(backend, tile, grad);
    tile.eachClasses(() => {
      const count = n * tile.classes;
      backend.loadClassWeights(settings, tile);
      backend.loadLogitWeights(settings, tile);
      tile.load(input.logits, tile.contiguous && !grad);
      kernels.turn();
      // losses land in TILE; with a gradient it is the slopes that do, and the losses stand in PLANES
      const lossesAt = grad ? PLANES : TILE;
      kernels.oneVersusRest(tile.source, lossesAt, grad ? TILE : 0, count, scale);
      // ∂/∂z of a turned logit is turned, too
      kernels.turnBack(grad ? TILE : tile.borrowed ? tile.source : 0);
      if (counted < n) kernels.scale(lossesAt, 0);
      kernels.accumulate(TOTAL, lossesAt, count);
      if (losses) tile.store(losses, lossesAt);
      if (grad) {
        if (grad.upstream || counted < n) kernels.scale(TILE, grad.upstream ? UPSTREAM : 0);
        tile.store(grad.into, TILE);
      }
    });
  });
  return valid;
}
