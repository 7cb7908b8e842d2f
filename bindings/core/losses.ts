import type { Backend } from './backend.ts';
import { outOfRange, wrongType } from './errors.ts';
import {
  type Reduction,
  type Settings,
  type SigmoidFocalLossOptions,
  type SoftmaxFocalLossOptions,
  sigmoidSettings,
  softmaxSettings,
} from './options.ts';
import { countValid, type GradRequest, streamSigmoid, streamSoftmax } from './stream.ts';
import { attached, type Input, type Logits, readInput, type Targets } from './tensors.ts';

/** `number` for 'mean' and 'sum', `Float32Array` for 'none'. */
export type Value<R extends Reduction> = R extends 'none' ? Float32Array : number;

export interface GradOptions {
  /** Where to write the gradient: a Float32Array as long as the logits, which it may be itself. Default: a new one. */
  grad?: Float32Array;
  /**
   * Multiplies the gradient: a number, or with reduction 'none' one number a sample, shape [N], ignored ones included.
   * Default 1.
   */
  upstream?: number | Float32Array;
}

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

  /** For the meter, which evaluates the same loss. */
  static settingsOf(loss: FocalLoss<Reduction>): Settings {
    return loss.settings;
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
  valueAndGrad(logits: Logits, targets: Targets, options: GradOptions = {}): ValueAndGrad<R> {
    const input = this.#read(logits, targets);
    if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options);
    for (const key of Object.keys(options)) {
      if (key !== 'grad' && key !== 'upstream') throw outOfRange('options', 'only grad, upstream', JSON.stringify(key));
    }
    const { grad = new Float32Array(input.logits.length), upstream = 1 } = options;
    if (!isFloat32(grad)) throw wrongType('grad', 'Float32Array', grad);
    attached('grad', grad);
    if (grad.length !== input.logits.length) {
      throw outOfRange('grad', `length ${input.logits.length} as the logits`, grad.length);
    }
    const same = grad.byteOffset === input.logits.byteOffset && grad.byteLength === input.logits.byteLength;
    if (overlaps(grad, input.logits) && !same) {
      throw outOfRange('grad', 'the logits themselves or memory apart from them', 'a part of them');
    }
    const samples = input.batch * input.positions;
    if (isFloat32(upstream)) {
      attached('upstream', upstream);
      if (overlaps(grad, upstream)) throw outOfRange('grad', 'memory apart from upstream', 'a part of it');
      if (this.settings.reduction !== 'none')
        throw wrongType('upstream', "a number unless reduction is 'none'", upstream);
      if (upstream.length !== samples)
        throw outOfRange('upstream', `length ${samples} as the targets`, upstream.length);
    } else if (typeof upstream !== 'number') {
      throw wrongType('upstream', 'a number or Float32Array', upstream);
    }
    const backend = this.#backend();
    const valid = countValid(backend, input, this.settings.ignoreIndex);
    const request = {
      into: grad,
      scale: (typeof upstream === 'number' ? upstream : 1) / this.#divisor(valid, input),
      upstream: typeof upstream === 'number' ? null : upstream,
    };
    return { value: this.#evaluate(backend, input, request), grad };
  }

  protected abstract stream(...call: Parameters<typeof streamSoftmax>): number;
  /** Losses there are for one sample. */
  protected abstract lossesPerSample(input: Input): number;

  #read(logits: Logits, targets: Targets): Input {
    const input = readInput(logits, targets);
    const { positive } = this.settings;
    if (typeof positive !== 'number' && positive.length !== input.classes && input.batch * input.positions > 0) {
      throw outOfRange('alpha', `one weight for each of the ${input.classes} classes`, positive.length);
    }
    return input;
  }

  /** What the sum is divided by. */
  #divisor(valid: number, input: Input): number {
    return this.settings.reduction === 'mean' ? valid * this.lossesPerSample(input) || 1 : 1;
  }

  #evaluate(backend: Backend, input: Input, grad: GradRequest | null): Value<R> {
    const { settings } = this;
    const count = input.batch * input.positions * this.lossesPerSample(input);
    const losses = settings.reduction === 'none' ? new Float32Array(count) : null;
    const valid = this.stream(backend, settings, input, { losses, grad });
    if (losses) return (settings.drop ? kept(losses, input, settings.ignoreIndex) : losses) as Value<R>;
    return (backend.kernels.rounded(backend.kernels.TOTAL) / this.#divisor(valid, input)) as Value<R>;
  }
}

/**
 * loss = −α[y] · (1 − p_y)^γ · log p_y with p = softmax(logits), after Lin et al., "Focal Loss for Dense Object
 * Detection" (2017), for many classes.
 */
export class SoftmaxLoss<R extends Reduction> extends FocalLoss<R> {
  constructor(backend: () => Backend, options: SoftmaxFocalLossOptions<R>) {
    super(backend, softmaxSettings(options));
  }

  protected stream = streamSoftmax;

  protected lossesPerSample(): number {
    return 1;
  }
}

/**
 * One-vs-rest over all classes: loss = α_t · (1 − p̃_t)^γ · BCE(logit, target), p̃ = p·(1 − s) + s/2 with
 * p = sigmoid(logits), after Lin et al. (2017).
 */
export class SigmoidLoss<R extends Reduction> extends FocalLoss<R> {
  constructor(backend: () => Backend, options: SigmoidFocalLossOptions<R>) {
    super(backend, sigmoidSettings(options));
  }

  protected stream = streamSigmoid;

  protected lossesPerSample({ classes }: Input): number {
    return classes;
  }
}

function overlaps(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const apart = a.byteOffset + a.byteLength <= b.byteOffset || b.byteOffset + b.byteLength <= a.byteOffset;
  return a.buffer === b.buffer && !apart;
}

function isFloat32(value: unknown): value is Float32Array {
  return Object.prototype.toString.call(value) === '[object Float32Array]';
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
