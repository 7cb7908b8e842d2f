/**
 * TensorFlow.js trains with these losses: `import { customLoss } from 'focal-simd/tfjs'`. The caller brings the namespace
 * `tf`, so this entry depends on no package and goes with every tfjs backend whose tensors can be read synchronously.
 */
import { outOfRange, wrongType } from '../input/errors.ts';

const LOSS = "a loss with reduction 'mean' or 'sum'";
const ONE_HOT = 'a single 1 among zeros';

/** What is used of a tf.Tensor. */
export interface TfTensor {
  readonly shape: number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number | string>;
}

/** What is used of the namespace `tf`; its own types are too fine to be named without depending on it, hence any. */
export interface Tf {
  scalar(value: number): TfTensor;
  tensor(values: Float32Array, shape: number[]): TfTensor;
  // biome-ignore-start lint/suspicious/noExplicitAny: see above
  mul(a: any, b: any): any;
  customGrad(f: (...inputs: any[]) => { value: any; gradFunc: (dy: any, saved: any[]) => any }): (logits: any) => any;
  // biome-ignore-end lint/suspicious/noExplicitAny: see above
}

/** What is used of a loss; both losses of every entry are this unless their reduction is 'none'. */
export interface ScalarLoss {
  valueAndGrad(
    logits: { data: Float32Array; dims: number[] },
    targets: { data: Int32Array; dims: number[] },
  ): { value: number; grad: Float32Array };
}

/**
 * A loss as a function of tensors that tfjs differentiates through `tf.customGrad`: for `optimizer.minimize`,
 * `tf.variableGrads`, and `model.compile({ loss })` of tfjs-layers. As everywhere in tfjs, classes are the last axis.
 *
 * Value and gradient are computed together, in the forward pass; the backward pass only multiplies by what comes from
 * above. Where no gradient is wanted, `loss.forward(logits.dataSync(), targets)` is cheaper. To tfjs the gradient is a
 * constant: it has no second derivatives.
 *
 * @param tf the namespace of `@tensorflow/tfjs` or `@tensorflow/tfjs-core`
 * @param loss a SoftmaxFocalLoss or SigmoidFocalLoss with reduction 'mean' or 'sum'
 * @returns `(labels, logits) => scalar`: logits float32 of shape `[…, C]`; labels int32 class indices of shape `[…]`, or
 *   one-hot of the shape of the logits
 * @throws TypeError for what is no tensor, no loss, no namespace; RangeError for labels that are neither; and as
 *   `loss.valueAndGrad`
 * @example
 * const focal = customLoss(tf, new SoftmaxFocalLoss({ alpha: classWeights(rates) }));
 * tf.train.adam().minimize(() => focal(labels, model(x)));
 */
export function customLoss<T extends Tf>(
  tf: T,
  loss: ScalarLoss,
): (labels: TfTensor, logits: TfTensor) => ReturnType<T['scalar']> {
  if (typeof tf?.customGrad !== 'function') throw wrongType('tf', 'the namespace of tfjs', tf);
  if (typeof loss?.valueAndGrad !== 'function') throw wrongType('loss', LOSS, loss);
  return (labels, logits) => {
    for (const [name, tensor] of Object.entries({ labels, logits })) {
      if (typeof tensor?.dataSync !== 'function') throw wrongType(name, 'a tf.Tensor', tensor);
    }
    if (logits.shape.length === 0) throw outOfRange('logits.shape', 'the classes as last axis', '[]');
    const targets = classIndices(labels, logits.shape);
    const dims = [targets.length, logits.shape.at(-1) as number];
    const differentiable = tf.customGrad((z: TfTensor, save: (tensors: TfTensor[]) => void) => {
      const { value, grad } = loss.valueAndGrad(
        { data: z.dataSync() as Float32Array, dims },
        { data: targets, dims: [targets.length] },
      );
      if (typeof value !== 'number') throw wrongType('loss', LOSS, value);
      save([tf.tensor(grad, z.shape)]);
      return { value: tf.scalar(value), gradFunc: (dy, [gradient]) => tf.mul(dy, gradient) };
    });
    return differentiable(logits);
  };
}

/** The labels as class indices. */
function classIndices(labels: TfTensor, logitsShape: number[]): Int32Array {
  const samples = logitsShape.slice(0, -1);
  if (labels.shape.join() === logitsShape.join()) return fromOneHot(labels.dataSync(), logitsShape.at(-1) as number);
  if (labels.shape.join() !== samples.join()) {
    const expected = `shape [${samples}] (class indices) or [${logitsShape}] (one-hot)`;
    throw outOfRange('labels', expected, `[${labels.shape}]`);
  }
  if (labels.dtype !== 'int32') throw wrongType('labels', "class indices of dtype 'int32'", labels.dtype);
  return labels.dataSync() as Int32Array;
}

/** Soft labels are refused rather than rounded: the losses are defined for one class a sample. */
function fromOneHot(values: ArrayLike<number | string>, classes: number): Int32Array {
  const indices = new Int32Array(values.length / classes).fill(-1);
  for (let i = 0; i < values.length; i++) {
    const sample = Math.floor(i / classes);
    if (values[i] === 0) continue;
    if (values[i] !== 1) throw outOfRange(`labels[${sample}]`, ONE_HOT, values[i]);
    if (indices[sample] !== -1) throw outOfRange(`labels[${sample}]`, ONE_HOT, 'several');
    indices[sample] = i % classes;
  }
  const empty = indices.indexOf(-1);
  if (empty >= 0) throw outOfRange(`labels[${empty}]`, ONE_HOT, 'only zeros');
  return indices;
}
