/**
 * TensorFlow.js trains with these losses: `import { customLoss } from 'focal-simd/tfjs'`. The caller brings the
 * namespace `tf`, so this entry depends on no package and goes with every tfjs backend whose tensors can be read
 * synchronously.
 */
import { outOfRange, wrongType } from '../input/errors.ts';

/** What is used of a tf.Tensor. */
export interface TfTensor {
  readonly shape: number[];
  readonly dtype: string;
  dataSync(): ArrayLike<number | string>;
}

/** What is used of the namespace `tf`; its own types are too fine to be named without depending on it, hence any. */
export interface Tf {
  getBackend(): string;
  scalar(value: number): TfTensor;
  tensor(values: Float32Array, shape: number[]): TfTensor;
  // biome-ignore-start lint/suspicious/noExplicitAny: see above
  mul(a: any, b: any): any;
  expandDims(x: any, axis: number): any;
  customGrad(f: (...inputs: any[]) => { value: any; gradFunc: (dy: any, saved: any[]) => any }): (logits: any) => any;
  // biome-ignore-end lint/suspicious/noExplicitAny: see above
}

/** What is used of a loss; both losses of every entry are this. */
export interface DifferentiableLoss<V extends number | Float32Array> {
  readonly ignored: 'zero' | 'drop';
  valueAndGrad(
    logits: { data: Float32Array; dims: number[] },
    targets: { data: Int32Array; dims: number[] },
  ): { value: V; grad: Float32Array };
}

/** A scalar for reduction 'mean' and 'sum', for 'none' a tensor of one loss a sample. */
export type LossTensor<T extends Tf, V extends number | Float32Array> = V extends number
  ? ReturnType<T['scalar']>
  : ReturnType<T['tensor']>;

/** Backends whose `dataSync` has given zeros in the place of what was computed: a loss would train on those. */
const UNREADABLE = ['webgpu'];

/**
 * A loss as a function of tensors that tfjs differentiates through `tf.customGrad`: for `optimizer.minimize`,
 * `tf.variableGrads`, and `model.compile({ loss })` of tfjs-layers. As everywhere in tfjs, classes are the last axis.
 *
 * Labels are what the loss takes for targets: class indices of shape `[…]` or `[…, 1]`, int32 or whole float32; or, in
 * the shape of the logits, one-hot and soft ones for SoftmaxFocalLoss, multi-hot and soft ones in [0, 1] for
 * SigmoidFocalLoss.
 *
 * With reduction 'none' there is one loss a sample, which `model.fit({ classWeight })` weights before it takes the mean
 * over the batch; of the sigmoid loss it is the mean over the classes. A scalar cannot be weighted so: fit would
 * multiply it by the mean weight.
 *
 * Value and gradient are computed together, in the forward pass; the backward pass only multiplies by what comes from
 * above. Where no gradient is wanted, `loss.forward(logits.dataSync(), targets)` is cheaper. To tfjs the gradient is a
 * constant: it has no second derivatives.
 *
 * @param tf the namespace of `@tensorflow/tfjs` or `@tensorflow/tfjs-core`
 * @param loss a SoftmaxFocalLoss or SigmoidFocalLoss, without `ignored: 'drop'`
 * @returns `(labels, logits) => tensor`: logits float32 of shape `[…, C]`; a scalar for reduction 'mean' and 'sum',
 *   losses of shape `[…]` for 'none'
 * @throws TypeError for what is no tensor, no loss, no namespace; RangeError for labels of another shape, and on the
 *   backend 'webgpu', whose tensors cannot be read synchronously; and as `loss.valueAndGrad`
 * @example
 * const focal = customLoss(tf, new SoftmaxFocalLoss({ alpha: classWeights(rates) }));
 * tf.train.adam().minimize(() => focal(labels, model(x)));
 */
export function customLoss<T extends Tf, V extends number | Float32Array>(
  tf: T,
  loss: DifferentiableLoss<V>,
): (labels: TfTensor, logits: TfTensor) => LossTensor<T, V> {
  if (typeof tf?.customGrad !== 'function') throw wrongType('tf', 'the namespace of tfjs', tf);
  if (typeof loss?.valueAndGrad !== 'function') throw wrongType('loss', 'a SoftmaxFocalLoss or SigmoidFocalLoss', loss);
  if (loss.ignored === 'drop') throw outOfRange('ignored', "'zero', so that each sample has its loss", "'drop'");
  return (labels, logits) => {
    const backend = tf.getBackend();
    if (UNREADABLE.includes(backend)) {
      const expected = "one whose dataSync() can be trusted (await tf.setBackend('webgl'), 'wasm' or 'cpu')";
      throw outOfRange('the backend of tfjs', expected, `'${backend}'`);
    }
    for (const [name, tensor] of Object.entries({ labels, logits })) {
      if (typeof tensor?.dataSync !== 'function') throw wrongType(name, 'a tf.Tensor', tensor);
    }
    const classes = logits.shape.at(-1);
    if (classes === undefined) throw outOfRange('logits.shape', 'the classes as last axis', '[]');
    if (logits.dtype !== 'float32') throw wrongType('logits', `float32${ORDER}`, logits.dtype);
    const samples = logits.shape.slice(0, -1);
    const n = samples.reduce((product, d) => product * d, 1);
    const dims = [n, classes];
    const targets = { data: labels.dataSync() as Int32Array, dims: labelDims(labels.shape, logits.shape, dims) };
    const differentiable = tf.customGrad((z: TfTensor, save: (tensors: TfTensor[]) => void) => {
      const { value, grad } = loss.valueAndGrad({ data: z.dataSync() as Float32Array, dims }, targets);
      const each = typeof value === 'number' ? null : perSample(value, grad, n);
      save([tf.tensor(grad, z.shape)]);
      return {
        value: each ? tf.tensor(each, samples) : tf.scalar(value as number),
        gradFunc: (dy, [gradient]) => tf.mul(tf.expandDims(dy, -1), gradient),
      };
    });
    return differentiable(logits);
  };
}

/** For who may have taken one for the other. */
const ORDER = ' (the order is labels, logits)';

/** The dimensions of labels that go with rows of logits. */
function labelDims(shape: number[], logitsShape: number[], dims: number[]): number[] {
  const samples = logitsShape.slice(0, -1);
  if (`${shape}` === `${logitsShape}`) return dims;
  if (`${shape}` === `${samples}` || `${shape}` === `${[...samples, 1]}`) return dims.slice(0, 1);
  const expected = `shape [${samples}] or [${[...samples, 1]}] (class indices) or [${logitsShape}] (one-hot, multi-hot or soft)`;
  throw outOfRange('labels', expected, `[${shape}]${shape.length > logitsShape.length ? ORDER : ''}`);
}

/** One loss for each of n samples: where each logit has its own, their mean, to which the gradient is scaled, too. */
function perSample(losses: Float32Array, grad: Float32Array, n: number): Float32Array {
  const several = losses.length / n;
  if (!(several > 1)) return losses;
  for (let i = 0; i < grad.length; i++) grad[i] = (grad[i] as number) / several;
  return Float32Array.from({ length: n }, (_, i) => {
    let sum = 0;
    for (let c = 0; c < several; c++) sum += losses[i * several + c] as number;
    return sum / several;
  });
}
