/** The parameters of a call: one block, written by the bindings, read by `begin`. */
import { PARAM_COUNT } from '../bindings/backend/constants';

export const PARAMS: usize = memory.data(8 * PARAM_COUNT, 16);

// @ts-ignore: decorator
@inline
export function param(place: i32): f64 {
  return load<f64>(PARAMS + (usize(place) << 3));
}
