import type { Backend } from '../backend/backend.ts';
import { SigmoidLoss, SoftmaxLoss } from './losses.ts';
import type { Reduction, SigmoidFocalLossOptions, SoftmaxFocalLossOptions } from './options.ts';

/** What every entry that has the losses exports. */
export interface Api {
  /** @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one */
  readonly SoftmaxFocalLoss: new <R extends Reduction = 'mean'>(
    options?: SoftmaxFocalLossOptions<R>,
  ) => SoftmaxLoss<R>;
  /** @throws TypeError or RangeError for an option of the wrong type or value, or an unknown one */
  readonly SigmoidFocalLoss: new <R extends Reduction = 'mean'>(
    options?: SigmoidFocalLossOptions<R>,
  ) => SigmoidLoss<R>;
  /** Which kernels answer; compiles them if no call has yet. */
  readonly backend: () => 'simd' | 'scalar';
}

/** The API over one way of getting a backend. */
export function bind(provide: () => Backend): Api {
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
