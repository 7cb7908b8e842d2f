import type { Backend } from '../backend/backend.ts';
import { SUM_LOSS } from '../backend/constants.ts';
import { rounded } from '../backend/limbs.ts';
import { overlaps } from '../input/arrays.ts';
import { common } from '../input/checks.ts';
import { outOfRange, wrongType } from '../input/errors.ts';
import { float32Of, type Input, type Logits, readInput, type Targets } from '../input/tensors.ts';
import {
  type Reduction,
  type Settings,
  type SigmoidFocalLossOptions,
  type SoftmaxFocalLossOptions,
  sigmoidSettings,
  softmaxSettings,
} from './options.ts';
import type { GradRequest } from './stages.ts';
import { countValid, stream } from './stream.ts';

/** `number` for 'mean' and 'sum', `Float32Array` for 'none'. */
export type Value<R extends Reduction> = R extends 'none' ? Float32Array : number;

/** Options of `valueAndGrad`. */
export interface GradOptions {
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

  constructor(backend: () => Backend, settings: Settings) {
    this.#backend = backend;
    this.settings = settings;
  }

  /** For the meter, which evaluates the same loss; null when it is none. */
  static settingsOf(loss: unknown): Settings | null {
    return typeof loss === 'object' && loss !== null && #backend in loss ? loss.settings : null;
  }

  /**
   * The loss of a batch.
   *
   * @param logits `[N, C]` as a typed array (C inferred from the targets), or a tensor `{ data, dims }` of shape `[B, C]`
   *   or `[B, C, D1, …]`
   * @param targets class indices `[N]`, `[B]` or `[B, D1, …]`
   * @returns a number for 'mean' and 'sum', 0 when nothing is valid; for 'none' a Float32Array
   * @throws TypeError for a wrong type, RangeError for a wrong shape or label; nothing has changed then
   */
  forward(logits: Logits, targets: Targets): Value<R> {
    const input = this.#read(logits, targets);
    return this.#evaluate(this.#backend(), input, null);
  }

  /**
   * The loss of a batch and its gradient with respect to the logits, in one go.
   *
   * @param logits as for `forward`
   * @param targets as for `forward`
   * @param options `grad`, where to write; `upstream`, what to multiply the gradient by
   * @throws as `forward`, also when `grad` or `upstream` do not fit
   */
  valueAndGrad(logits: Logits, targets: Targets, options?: GradOptions): ValueAndGrad<R> {
    // options first: reading them may run code of the caller, and none may run once the arrays have been looked at
    const { grad: given, upstream = 1 } = common('valueAndGrad', options, ['grad', 'upstream']);
    const input = this.#read(logits, targets);
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
    const valid = countValid(backend, input, this.settings.ignoreIndex);
    const request = {
      into: grad,
      scale: (typeof upstream === 'number' ? upstream : 1) / this.#divisor(valid, input),
      upstream: each,
    };
    const value = this.#evaluate(backend, input, request);
    return { value, grad: (given as Float32Array | undefined) ?? grad };
  }

  #read(logits: Logits, targets: Targets): Input {
    const input = readInput(logits, targets);
    const { positive } = this.settings;
    if (typeof positive !== 'number' && positive.length !== input.classes && input.batch * input.positions > 0) {
      throw outOfRange('alpha', `${input.classes} weights`, positive.length);
    }
    return input;
  }

  /** How many losses a sample has. */
  #perSample({ classes }: Input): number {
    return this.settings.variant === 'sigmoid' ? classes : 1;
  }

  /** What the sum is divided by. */
  #divisor(valid: number, input: Input): number {
    return this.settings.reduction === 'mean' ? valid * this.#perSample(input) || 1 : 1;
  }

  #evaluate(backend: Backend, input: Input, grad: GradRequest | null): Value<R> {
    const { settings } = this;
    const count = input.batch * input.positions * this.#perSample(input);
    const losses = settings.reduction === 'none' ? new Float32Array(count) : null;
    const valid = stream(backend, settings, input, { losses, grad });
    if (losses) return (settings.drop ? kept(losses, input, settings.ignoreIndex) : losses) as Value<R>;
    return (rounded(backend.kernels, SUM_LOSS) / this.#divisor(valid, input)) as Value<R>;
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

/** The losses of the samples that are not ignored, as if the others had never been there. */
function kept(losses: Float32Array, input: Input, ignoreIndex: number): Float32Array {
  const { batch, positions, targets } = input;
  const perSample = losses.length / (batch * positions || 1);
  const out = new Float32Array(losses.length);
  let length = 0;
  for (let i = 0; i < batch * positions; i++) {
    if (Number(targets[i]) === ignoreIndex) continue;
    const b = Math.floor(i / positions);
    const from = b * perSample * positions + (i % positions);
    for (let c = 0; c < perSample; c++) out[length++] = losses[from + c * positions] as number;
  }
  return out.slice(0, length);
}
