import type { Backend } from '../backend/backend.ts';
import { loadLabels } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import type { Settings } from './options.ts';
import { SIGMOID_ROOM, SOFTMAX_ROOM } from './plan.ts';
import { Call, type Request } from './stages.ts';
import type { Tile } from './tile.ts';

/** UPSTREAM and SAMPLE_WEIGHTS of the tile's samples. */
function loadFactors({ kernels, f32 }: Backend, tile: Tile, { grad, weights }: Request): void {
  const n = tile.samples;
  const first = tile.firstSample;
  const at = kernels.UPSTREAM >> 2;
  if (weights) f32.set(weights.subarray(first, first + n), kernels.SAMPLE_WEIGHTS >> 2);
  if (!grad) return;
  if (grad.upstream) f32.set(grad.upstream.subarray(first, first + n), at);
  else f32.fill(grad.scale, at, at + n);
  if (weights) for (let i = 0; i < n; i++) (f32[at + i] as number) *= weights[first + i] as number;
}

/** Leave out the samples of weight 0, whatever their logits are. */
function dropWeightless({ kernels, i32 }: Backend, input: Input, tile: Tile, weights: Float32Array): void {
  const at = kernels.LABELS >> 2;
  const own = weights.subarray(tile.firstSample, tile.firstSample + tile.samples);
  if (own.indexOf(0) < 0) return;
  for (let i = 0; i < own.length; i++) if (own[i] === 0) i32[at + i] = -1;
  // which notes that some are ignored
  kernels.labels(own.length, input.classes + 1, -1);
}

/**
 * Both losses, tile by tile: softmax by the gap of the true class to all others, one-vs-rest by the gap of each logit's
 * own decision. The sum is left in the kernels' SUM_LOSS. Returns how many losses are not ignored: of samples (softmax)
 * or logits.
 */
export function stream(backend: Backend, settings: Settings, input: Input, request: Request): number {
  const { kernels } = backend;
  const { losses, grad, weights } = request;
  const sigmoid = settings.variant === 'sigmoid';
  const call = new Call(backend, settings, input, sigmoid ? SIGMOID_ROOM : SOFTMAX_ROOM, request);
  const { tile } = call;
  let valid = 0;
  tile.eachSamples(() => {
    const n = tile.samples;
    valid += loadLabels(kernels, input, tile.firstSample, n, settings) * (sigmoid ? input.classes : 1);
    if (weights) dropWeightless(backend, input, tile, weights);
    if (grad || weights) loadFactors(backend, tile, request);
    if (sigmoid) {
      valid -= call.sumLogits((at) => {
        if (losses) tile.store(losses, at);
        if (grad) tile.store(grad.into, kernels.gradient(false));
      });
      return;
    }
    call.scanAndSum((kept) => {
      if (grad) tile.store(grad.into, kept);
    });
    const at = call.finish() >> 2;
    if (losses) losses.set(backend.f32.subarray(at, at + n), tile.firstSample);
    if (grad) call.differentiate(grad.into);
  });
  return valid;
}
