import type { Backend } from '../backend/backend.ts';
import { SAMPLES } from '../backend/constants.ts';
import { loadLabels } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import type { Settings } from './options.ts';
import { SIGMOID_ROOM, SOFTMAX_ROOM } from './plan.ts';
import { Call, type GradRequest } from './stages.ts';
import type { Tile } from './tile.ts';

/** What a call gathers beside the exact sum, which is left in the kernels' SUM_LOSS. */
export interface Request {
  /** Losses one by one: per sample (softmax) or in the layout of the logits (sigmoid). */
  readonly losses: Float32Array | null;
  readonly grad: GradRequest | null;
}

/** Check all targets; the number of samples that are not ignored. */
export function countValid(backend: Backend, input: Input, ignoreIndex: number): number {
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
 * Both losses, tile by tile: softmax by the gap of the true class to all others, one-vs-rest by the gap of each logit's own
 * decision. The number of valid samples.
 */
export function stream(backend: Backend, settings: Settings, input: Input, { losses, grad }: Request): number {
  const { kernels } = backend;
  const sigmoid = settings.variant === 'sigmoid';
  const call = new Call(backend, settings, input, sigmoid ? SIGMOID_ROOM : SOFTMAX_ROOM, grad);
  const { tile } = call;
  call.begin(grad);
  let valid = 0;
  tile.eachSamples(() => {
    const n = tile.samples;
    valid += loadLabels(kernels, input, tile.firstSample, n, settings.ignoreIndex);
    if (grad) loadUpstream(backend, tile, grad);
    if (sigmoid) {
      call.sumLogits((at) => {
        if (losses) tile.store(losses, at);
        if (grad) tile.store(grad.into, kernels.gradient(false));
      });
      return;
    }
    call.scanAndSum((kept) => {
      if (grad) tile.store(grad.into, kept);
    });
    const at = kernels.finish() >> 2;
    if (losses) losses.set(backend.f32.subarray(at, at + n), tile.firstSample);
    if (grad) call.differentiate(grad.into);
  });
  return valid;
}
