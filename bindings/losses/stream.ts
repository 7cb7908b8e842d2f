import type { Backend } from '../backend/backend.ts';
import { isAsymmetric, LARGEST, loadLabels } from '../input/targets.ts';
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
  /** Factor of each sample's losses. */
  readonly weights: Float32Array | null;
}

/** Whether a call goes by one target a logit, and not by labels alone. */
export function isDense(settings: Settings, input: Input): boolean {
  return input.dense || settings.labelSmoothing > 0 || isAsymmetric(settings);
}

/** Begin a call; returns `isDense`. */
function begin({ kernels }: Backend, settings: Settings, input: Input): boolean {
  const { variant, gamma, gammaNegative, smoothing, clip, labelSmoothing, ignoreIndex } = settings;
  const dense = isDense(settings, input);
  kernels.configure(gamma, smoothing, !dense);
  if (!dense) return false;
  const [ignored, most] = variant === 'softmax' ? [NaN, LARGEST] : [ignoreIndex, 1];
  kernels.configureDense(gamma, gammaNegative, smoothing, clip, labelSmoothing, input.classes, ignored, most);
  return true;
}

/** The labels of the tile, which are no longer in LABELS when they are scattered; null where there are none. */
function ownLabels({ kernels, i32 }: Backend, input: Input, n: number): Int32Array | null {
  return input.dense ? null : i32.slice(kernels.LABELS >> 2, (kernels.LABELS >> 2) + n);
}

/** UPSTREAM of the tile's samples: the factors of their losses, and with `grad` those of the gradient. */
function loadFactors(
  { kernels, f32 }: Backend,
  tile: Tile,
  weights: Float32Array | null,
  grad: GradRequest | null,
): void {
  const at = kernels.UPSTREAM >> 2;
  const n = tile.samples;
  const first = tile.firstSample;
  if (grad?.upstream) f32.set(grad.upstream.subarray(first, first + n), at);
  else f32.fill(grad ? grad.scale : 1, at, at + n);
  if (weights) for (let i = 0; i < n; i++) f32[at + i] = (f32[at + i] as number) * (weights[first + i] as number);
}

/** Leave out the samples of weight 0, whatever their logits are. Returns whether there are any. */
function dropWeightless({ kernels, i32 }: Backend, input: Input, tile: Tile, weights: Float32Array): boolean {
  const at = kernels.LABELS >> 2;
  const own = weights.subarray(tile.firstSample, tile.firstSample + tile.samples);
  if (own.indexOf(0) < 0) return false;
  for (let i = 0; i < own.length; i++) if (own[i] === 0) i32[at + i] = -1;
  // which notes that some are ignored
  kernels.label(own.length, input.classes + 1, -1);
  return true;
}

/**
 * Softmax: gap of the true class to all others → focal core → exact sum. Classes that do not fit one tile come
 * by twice (largest, then exponentials), and again for the gradient. Where every class has a target the largest takes the place
 * of the true one, for which they come by once before; the others come after.
 * Returns the number of valid samples.
 */
export function streamSoftmax(backend: Backend, settings: Settings, input: Input, request: Request): number {
  const { losses, grad, weights } = request;
  const { kernels } = backend;
  const dense = begin(backend, settings, input);
  const tile = new Tile(backend, input, planSamples(kernels, input, true, !dense));
  /** Whether what is exponentiated is kept for the gradient, in `into` where the classes do not fit one tile. */
  const keep = grad !== null && !dense;
  const load = (array: Input['logits']): void => {
    backend.loadClassWeights(settings, tile);
    tile.load(array, !grad && !dense);
  };
  const release = (): void => {
    if (tile.borrowed) kernels.put(tile.source, kernels.TRUE, 0);
  };
  let valid = 0;
  tile.eachSamples(() => {
    const n = tile.samples;
    valid += loadLabels(kernels, input, tile.firstSample, n, settings);
    const labels = dense ? ownLabels(backend, input, n) : null;
    if (weights) dropWeightless(backend, input, tile, weights);
    /** The tile with its targets; one that holds all classes is still there. */
    const loadDense = (): void => {
      if (tile.whole) return;
      load(input.logits);
      tile.loadTargets(labels, settings);
    };
    if (dense) {
      tile.eachClasses(() => {
        load(input.logits);
        if (tile.whole) tile.loadTargets(labels, settings);
        kernels.largest();
        kernels.chooseLabels();
      });
    }
    tile.eachClasses(() => {
      if (dense) loadDense();
      else load(input.logits);
      kernels.leaveOut();
      if (dense) kernels.weighLabels();
      kernels.largest();
      if (tile.whole) kernels.exponentials(keep);
      release();
    });
    if (!tile.whole) {
      tile.eachClasses(() => {
        load(input.logits);
        kernels.leaveOut();
        const kept = kernels.exponentials(keep);
        if (grad && keep) tile.store(grad.into, kept);
        release();
      });
    }
    if (grad) loadFactors(backend, tile, weights, grad);
    kernels.sampleLosses(n, grad !== null);
    if (dense) {
      tile.eachClasses(() => {
        loadDense();
        kernels.otherLosses();
      });
      kernels.addOtherLosses(n);
    }
    const own = backend.f32.subarray(kernels.LOSS >> 2, (kernels.LOSS >> 2) + n);
    if (weights) for (let i = 0; i < n; i++) own[i] = (own[i] as number) * (weights[tile.firstSample + i] as number);
    kernels.accumulate(kernels.TOTAL, kernels.LOSS, n);
    if (losses) losses.set(own, tile.firstSample);
    if (!grad) return;
    tile.eachClasses(() => {
      if (dense) loadDense();
      else if (!tile.whole) {
        load(grad.into);
        kernels.leaveOut();
      }
      tile.store(grad.into, dense ? kernels.denseGradients() : kernels.gradients(!tile.whole));
    });
  });
  return valid;
}

/**
 * One-vs-rest: the sign of each true class's logit is turned, which makes every logit the gap of its own decision → focal
 * core → exact sum. Classes that do not fit one tile come in chunks, once. Returns the number of valid logits.
 */
export function streamSigmoid(backend: Backend, settings: Settings, input: Input, request: Request): number {
  const { losses, grad, weights } = request;
  const { kernels } = backend;
  const { TILE, PLANES, TOTAL, UPSTREAM } = kernels;
  const dense = begin(backend, settings, input);
  const tile = new Tile(backend, input, planSamples(kernels, input, false));
  const each = grad?.upstream || weights;
  const scale = grad && !each ? grad.scale : 1;
  let valid = 0;
  tile.eachSamples(() => {
    const n = tile.samples;
    const counted = loadLabels(kernels, input, tile.firstSample, n, settings);
    valid += counted * input.classes;
    const labels = dense ? ownLabels(backend, input, n) : null;
    const weightless = weights !== null && dropWeightless(backend, input, tile, weights);
    const ignoring = counted < n || weightless;
    tile.eachClasses(() => {
      const count = n * tile.classes;
      backend.loadLogitWeights(settings, tile);
      // losses land in TILE; with a gradient it is the slopes that do, and the losses stand in PLANES
      const lossesAt = grad ? PLANES : TILE;
      const slopesAt = grad ? TILE : 0;
      if (dense) {
        backend.loadLogitPositives(settings, tile);
        tile.load(input.logits, false);
        const ignored = tile.loadTargets(labels, settings);
        valid -= ignored;
        kernels.oneVersusRestDense(tile.source, lossesAt, slopesAt, count, scale, ignored > 0);
      } else {
        backend.loadClassWeights(settings, tile);
        tile.load(input.logits, tile.contiguous && !grad);
        kernels.turn();
        kernels.oneVersusRest(tile.source, lossesAt, slopesAt, count, scale);
        // ∂/∂z of a turned logit is turned, too
        kernels.turnBack(grad ? TILE : tile.borrowed ? tile.source : 0);
      }
      if (weights) loadFactors(backend, tile, weights, null);
      if (weights || ignoring) kernels.scale(lossesAt, weights ? UPSTREAM : 0);
      kernels.accumulate(TOTAL, lossesAt, count);
      if (losses) tile.store(losses, lossesAt);
      if (!grad) return;
      if (each) loadFactors(backend, tile, weights, grad);
      if (each || ignoring) kernels.scale(TILE, each ? UPSTREAM : 0);
      tile.store(grad.into, TILE);
    });
  });
  return valid;
}
