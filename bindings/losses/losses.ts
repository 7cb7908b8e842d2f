import type { Backend } from '../backend/backend.ts';
import { SUM_LOSS } from '../backend/constants.ts';
import { nearestNumber } from '../backend/limbs.ts';
import { elementsOf, overlaps } from '../input/arrays.ts';
import { common } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { firstLogit, float32Of, type Input, type Logits, readInput, type Targets } from '../input/tensors.ts';
import {
  type Reduction,
  type Settings,
  type SigmoidFocalLossOptions,
  type SoftmaxFocalLossOptions,
  sigmoidSettings,
  softmaxSettings,
} from './options.ts';
import type { GradRequest } from './stages.ts';
import { stream } from './stream.ts';
import { checkClasses, type Survey, survey } from './survey.ts';

/** `number` for 'mean' and 'sum', `Float32Array` for 'none'. */
export type Value<R extends Reduction> = R extends 'none' ? Float32Array : number;

/** Options of `forward`. */
export interface CallOptions {
  /** One number ≥ 0 a sample, shape [N], ignored ones included, that multiplies its losses. Default: none. */
  weights?: ArrayLike<number> | null;
}

/** Options of `valueAndGrad`. */
export interface GradOptions extends CallOptions {
  /** Where to write the gradient: a Float32Array as long as the logits, which it may be itself. Default: a new one. */
  grad?: Float32Array;
  /**
   * Multiplies the gradient: a number, or with reduction 'none' one number a sample, shape [N], ignored ones included.
   * Default 1.
   */
  upstream?: number | Float32Array;
}

/** What `valueAndGrad` gives. */
export interface ValueAndGrad<R extends Reduction> {
  value: Value<R>;
  /** ∂value/∂logits in the layout of the logits; for 'none', of the (upstream-weighted) sum. 0 at ignored samples. */
  grad: Float32Array;
}

export abstract class FocalLoss<R extends Reduction> {
  readonly #backend: () => Backend;
  /** The options, checked, with their defaults. */
  protected readonly settings: Settings;
  /** What stands for ignored samples with reduction 'none', as the option says. */
  readonly ignored: 'zero' | 'drop';

  constructor(backend: () => Backend, settings: Settings) {
    this.#backend = backend;
    this.settings = settings;
    this.ignored = settings.drop ? 'drop' : 'zero';
  }

  /** For the meter, which evaluates the same loss; null when it is none. */
  static settingsOf(loss: unknown): Settings | null {
    return typeof loss === 'object' && loss !== null && #backend in loss ? loss.settings : null;
  }

  /**
   * The loss of a batch.
   *
   * @param logits `[N, C]` as a typed array (C inferred from the targets), or a tensor `{ data, dims }` of shape `[B,
   *   C]` or `[B, C, D1, …]`; with classAxis −1 `[…, C]`
   * @param targets class indices `[N]`, `[B]` or `[B, D1, …]`; or numbers in the shape of the logits, both with dims:
   *   in [0, 1] for SigmoidFocalLoss (multi-hot, soft), ≥ 0 for SoftmaxFocalLoss (soft); or for logits of one class
   *   numbers in [0, 1]
   * @param options `weights`, one a sample
   * @returns a number for 'mean' and 'sum', 0 when nothing is valid; for 'none' a Float32Array
   * @throws TypeError for a wrong type, RangeError for a wrong shape, target or weight; nothing has changed then
   */
  forward(logits: Logits, targets: Targets, options?: CallOptions): Value<R> {
    const { weights } = common('forward', options, ['weights']);
    const given = readWeights(weights);
    const input = this.#read(logits, targets);
    const own = checkWeights(given, input);
    const backend = this.#backend();
    const named = this.settings.divisor === 'weights' || this.settings.divisor === 'positives';
    const divisor = named ? this.#divisor(survey(backend, this.settings, input, own)) : 0;
    return this.#evaluate(backend, input, own, divisor, null);
  }

  /**
   * The loss of a batch and its gradient with respect to the logits, in one go.
   *
   * @param logits as for `forward`
   * @param targets as for `forward`
   * @param options `grad`, where to write; `upstream`, what to multiply the gradient by; `weights` as for `forward`
   * @throws as `forward`, also when `grad` or `upstream` do not fit, and where the option `input` leaves no gradient
   */
  valueAndGrad(logits: Logits, targets: Targets, options?: GradOptions): ValueAndGrad<R> {
    // options first: reading them may run code of the caller, and none may run once the arrays have been looked at
    const { grad: given, upstream = 1, weights } = common('valueAndGrad', options, ['grad', 'upstream', 'weights']);
    const { variant, input: kind } = this.settings;
    // the logarithms of a softmax's probabilities are logits of it
    if (kind !== 'logits' && !(variant === 'softmax' && kind === 'logProbabilities')) {
      throw outOfRange('input', "'logits' where a gradient is wanted", JSON.stringify(kind));
    }
    const factors = readWeights(weights);
    const input = this.#read(logits, targets);
    const own = checkWeights(factors, input);
    const { length } = input.logits;
    const grad = given === undefined ? new Float32Array(length) : float32Of('grad', 'Float32Array', given);
    if (grad.length !== length) throw outOfRange('grad', `length ${length} as the logits`, grad.length);
    const same = grad.byteOffset === input.logits.byteOffset && grad.byteLength === input.logits.byteLength;
    if (overlaps(grad, input.logits) && !same) {
      throw outOfRange('grad', 'the logits or memory apart from them', 'an overlap');
    }
    const each = typeof upstream === 'number' ? null : float32Of('upstream', 'a number or Float32Array', upstream);
    if (each) {
      const samples = input.batch * input.positions;
      if (this.settings.reduction !== 'none')
        throw wrongType('upstream', "a number unless reduction is 'none'", upstream);
      if (each.length !== samples) throw outOfRange('upstream', `length ${samples} as the targets`, each.length);
    }
    for (const [name, other] of Object.entries({ targets: input.given, upstream: each })) {
      if (other && overlaps(grad, other)) throw outOfRange('grad', `memory apart from ${name}`, 'an overlap');
    }
    const backend = this.#backend();
    const divisor = this.#divisor(survey(backend, this.settings, input, own));
    const scale = (typeof upstream === 'number' ? upstream : 1) / divisor;
    const value = this.#evaluate(backend, input, own, divisor, { into: grad, scale, upstream: each });
    return { value, grad: (given as Float32Array | undefined) ?? grad };
  }

  #read(logits: Logits, targets: Targets): Input {
    const input = readInput(logits, targets, this.settings);
    if (input.batch * input.positions > 0) checkClasses(this.settings, input.classes);
    return input;
  }

  /** What the sum is divided by: never 0, as the mean is 0 where nothing is left. */
  #divisor(counts: Survey): number {
    const { reduction, divisor } = this.settings;
    if (reduction !== 'mean') return 1;
    if (typeof divisor === 'number') return divisor;
    return divisor === 'positives' ? Math.max(1, counts.positives) : counts[divisor] || Infinity;
  }

  /** `divisor`: what the sum is divided by, 0 where the count of valid losses is not known yet. */
  #evaluate(
    backend: Backend,
    input: Input,
    weights: Float32Array | null,
    divisor: number,
    grad: GradRequest | null,
  ): Value<R> {
    const { settings } = this;
    const count = input.batch * input.positions * (settings.variant === 'sigmoid' ? input.classes : 1);
    const losses = settings.reduction === 'none' ? new Float32Array(count) : null;
    const valid = stream(backend, settings, input, { losses, grad, weights });
    if (losses) return (settings.drop ? dropIgnored(losses, input, settings) : losses) as Value<R>;
    const by = divisor || this.#divisor({ valid, weights: 0, positives: 0 });
    return (nearestNumber(backend.kernels, SUM_LOSS) / by) as Value<R>;
  }
}

/**
 * loss = −α[y] · (1 − p_y)^γ · log p_y with p = softmax(logits), after Lin et al., "Focal Loss for Dense Object
 * Detection" (2017), for many classes.
 */
export class SoftmaxLoss<R extends Reduction> extends FocalLoss<R> {
  declare protected readonly settings: Settings & { readonly variant: 'softmax' };

  constructor(backend: () => Backend, options?: SoftmaxFocalLossOptions<R>) {
    super(backend, softmaxSettings(options));
  }
}

/**
 * One-vs-rest over all classes: loss = α_t · (1 − p̃_t)^γ · BCE(logit, target), p̃ = p·(1 − s) + s/2 with
 * p = sigmoid(logits), after Lin et al. (2017).
 */
export class SigmoidLoss<R extends Reduction> extends FocalLoss<R> {
  declare protected readonly settings: Settings & { readonly variant: 'sigmoid' };

  constructor(backend: () => Backend, options?: SigmoidFocalLossOptions<R>) {
    super(backend, sigmoidSettings(options));
  }
}

/** A copy of the weights that a call gives. */
function readWeights(given: unknown): Float32Array | null {
  if (given === undefined || given === null) return null;
  const values = elementsOf(given);
  if (!values) throw wrongType('weights', 'an array of numbers', given);
  const copy = new Float32Array(values.length);
  for (let i = 0; i < copy.length; i++) {
    const w = values[i];
    if (typeof w !== 'number') throw wrongType(`weights[${i}]`, 'a number', w);
    copy[i] = w;
    if (!(w >= 0 && (copy[i] as number) < Infinity))
      throw outOfRange(`weights[${i}]`, 'a finite float32 number ≥ 0', w);
  }
  return copy;
}

function checkWeights(weights: Float32Array | null, { batch, positions }: Input): Float32Array | null {
  if (weights && weights.length !== batch * positions) {
    throw outOfRange('weights', `${batch * positions} numbers, one a sample`, weights.length);
  }
  return weights;
}

/** The losses of the samples, or logits, that are not ignored, as if the others had never been there. */
function dropIgnored(losses: Float32Array, input: Input, { variant, ignoreIndex }: Settings): Float32Array {
  const { batch, positions, targets, dense, classes } = input;
  const perSample = variant === 'sigmoid' ? classes : 1;
  // soft targets of the softmax loss are never ignored
  const ignored = (i: number): boolean => Number(targets[i]) === ignoreIndex && !(dense && variant === 'softmax');
  const out = new Float32Array(losses.length);
  let length = 0;
  for (let i = 0; i < batch * positions; i++) {
    if (!dense && ignored(i)) continue;
    const from = firstLogit({ classes: perSample, positions }, i);
    for (let c = 0; c < perSample; c++) {
      const at = from + c * positions;
      if (!dense || !ignored(at)) out[length++] = losses[at] as number;
    }
  }
  return out.slice(0, length);
}
