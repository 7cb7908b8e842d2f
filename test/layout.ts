/** Where numbers lie in [batch, classes, positions]; rows [N, C] have one position. */

interface Layout {
  readonly classes: number;
  readonly positions: number;
}

/** Index of the logit of class c of sample i, samples counted image by image. */
export const indexOf = ({ classes, positions }: Layout, i: number, c: number): number =>
  (Math.floor(i / positions) * classes + c) * positions + (i % positions);

/** The same numbers as rows [batch · positions, classes]. */
export function toRows(layout: Layout, values: ArrayLike<number>): Float32Array {
  return Float32Array.from(
    values,
    (_, k) => values[indexOf(layout, Math.floor(k / layout.classes), k % layout.classes)] as number,
  );
}
