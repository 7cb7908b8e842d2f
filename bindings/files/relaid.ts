import { firstLogit } from '../input/tensors.ts';

type Numbers = Float32Array | Float64Array | Uint8Array | Uint16Array | Int32Array;

/**
 * The numbers of some samples in another layout: as `[batch, classes, positions]` with so many positions each. Rows, planes and
 * images of the same samples have them in the same order.
 */
export function relaid<T extends ArrayLike<unknown>>(data: T, classes: number, from: number, to: number): T {
  if (from === to) return data;
  const given = data as unknown as Numbers;
  const found = new (given.constructor as new (length: number) => Numbers)(given.length);
  const samples = given.length / classes;
  for (let i = 0; i < samples; i++) {
    let source = firstLogit({ classes, positions: from }, i);
    let target = firstLogit({ classes, positions: to }, i);
    for (let c = 0; c < classes; c++, source += from, target += to) found[target] = given[source]!;
  }
  return found as unknown as T;
}
