import type { Kernels } from './kernels.ts';
import type { Input } from './tensors.ts';

/**
 * How an input is cut into tiles: whole images while they fit, else runs of positions of one image; all classes at once
 * while they fit, else chunks of them. No sample's result depends on the cut: sums over classes go to float64 in blocks
 * that every chunk boundary falls between.
 */
export interface Plan {
  /** Images a tile takes. */
  readonly images: number;
  /** Positions of an image a tile takes. */
  readonly positions: number;
  /** Classes a tile takes. */
  readonly classes: number;
  /** The form in which the kernels see it. */
  readonly form: number;
}

/** Forms, as assembly/tile.ts has them: as the tile comes, in planes (vector across samples), turned into rows. */
export const AS_IT_IS = 0;
export const AS_PLANES = 1;
const AS_ROWS = 2;

/** Runs of positions shorter than this cost more in copying one by one than a second pass over them does. */
export const SHORT_RUN = 256;
/** Every chunk of classes but the last is a multiple of this, or else of 8: the larger of the kernels' blocks of float32 sums. */
const CLASS_BLOCK = 128;

/** Images of up to this many positions and at least this many classes are turned into rows; measured. */
const NARROW = 64;
const MANY = 64;

/** From one plane or row to the next, as assembly/tile.ts lays them out. */
export const padded = (n: number): number => ((n + 15) & ~15) | 16;

export function planSamples(kernels: Kernels, input: Input, rearrange: boolean): Plan {
  const { SAMPLES, LOGITS, FEW } = kernels;
  const { classes, positions } = input;
  const form =
    !rearrange || FEW === 0 || (positions === 1 && classes > FEW)
      ? AS_IT_IS
      : positions > 1 && positions <= NARROW && classes >= MANY
        ? AS_ROWS
        : AS_PLANES;
  /** Whether so many samples and classes take more than there is; up to three rows past the last are written. */
  const over = (samples: number, count: number): boolean =>
    (form === AS_ROWS ? (samples + 3) * padded(count) : count * (form === AS_PLANES ? padded(samples) : samples)) >
    LOGITS;
  const room = Math.floor(LOGITS / classes);
  let images = Math.floor(Math.min(SAMPLES, room) / positions);
  while (images > 1 && over(images * positions, classes)) images--;
  if (images > 0 && !over(images * positions, classes)) return { images, positions, classes, form };
  const run =
    room < SHORT_RUN
      ? Math.min(positions, SAMPLES)
      : // an odd number of groups, so that planes need no padding
        Math.min(positions, SAMPLES, 16 * (((room >> 4) - 1) | 1));
  let chunk = classes;
  if (over(run, classes)) {
    const most = Math.floor(LOGITS / run);
    const block = most < CLASS_BLOCK ? 8 : CLASS_BLOCK;
    chunk = most - (most % block);
    while (over(run, chunk)) chunk -= block;
  }
  return { images: 1, positions: run, classes: chunk, form };
}
