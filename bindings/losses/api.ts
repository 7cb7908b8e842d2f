import type { Backend } from '../backend/backend.ts';
import { SigmoidLoss, SoftmaxLoss } from './losses.ts';
import type { Reduction, SigmoidFocalLossOptions, SoftmaxFocalLossOptions } from './options.ts';

/** What every entry that has the losses exports. */
export interface Api {
  /**
   * Focal loss over all classes: −α[y] · (1 − p_y)^γ · log p_y with p = softmax(logits), after Lin et al., "Focal Loss
   * for Dense Object Detection" (2017). With γ = 0 it is cross-entropy.
   *
   * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
   * @example new SoftmaxFocalLoss({ gamma: 2 }).forward(Float32Array.of(2.1, -0.3, 0.4), [0])
   */
  readonly SoftmaxFocalLoss: new <R extends Reduction = 'mean'>(
    options?: SoftmaxFocalLossOptions<R>,
  ) => SoftmaxLoss<R>;
  /**
   * Focal loss of each class against the rest: α_t · (1 − p̃_t)^γ · BCE(logit, target), p̃ = p·(1 − s) + s/2 with
   * p = sigmoid(logits), after Lin et al. (2017).
   *
   * @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one
   * @example new SigmoidFocalLoss({ alpha: 0.25 }).forward(Float32Array.of(2.1, -0.3, 0.4), [0])
   */
  readonly SigmoidFocalLoss: new <R extends Reduction = 'mean'>(
    options?: SigmoidFocalLossOptions<R>,
  ) => SigmoidLoss<R>;
  /** Which kernels answer; compiles them if no call has yet. */
  readonly backend: () => 'simd' | 'scalar';
}

/** The API over one way of getting a backend. */
export function defineLosses(provide: () => Backend): Api {
  return {
    SoftmaxFocalLoss: class SoftmaxFocalLoss<R extends Reduction = 'mean'> extends SoftmaxLoss<R> {
      constructor(options?: SoftmaxFocalLossOptions<R>) {
        super(provide, options);
      }
    },
    SigmoidFocalLoss: class SigmoidFocalLoss<R extends Reduction = 'mean'> extends SigmoidLoss<R> {
      constructor(options?: SigmoidFocalLossOptions<R>) {
        super(provide, options);
      }
    },
    backend: () => provide().name,
  };
}
