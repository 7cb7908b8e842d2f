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
  /** Whether the kernels see planes (vector across samples) rather than rows. */
  readonly planar: boolean;
}

/** Runs of positions shorter than this cost more in copying than a second pass over longer runs does. */
const SHORT_RUN = 256;
/** Every chunk of classes but the last is a multiple of this, or else of 8: the larger of the kernels' blocks of float32 sums. */
const CLASS_BLOCK = 128;

/** From one plane to the next, as assembly/tile.ts lays them out. */
export const planeStride = (n: number): number => ((n + 15) & ~15) | 16;

export function planSamples(kernels: Kernels, input: Input, planes: boolean): Plan {
  const { SAMPLES, LOGITS, FEW } = kernels;
  const { classes, positions } = input;
  const planar = planes && FEW > 0 && (positions > 1 || classes <= FEW);
  const width = planar ? planeStride : (n: number): number => n;
  const room = Math.floor(LOGITS / classes);
  if (positions <= Math.min(room, SAMPLES)) {
    let images = Math.min(Math.floor(SAMPLES / positions), Math.floor(room / positions));
    while (images > 1 && classes * width(images * positions) > LOGITS) images--;
    if (classes * width(images * positions) <= LOGITS) return { images, positions, classes, planar };
  }
  // an odd number of groups, so that planes need no padding
  const fitting = 16 * (((room >> 4) - 1) | 1);
  const run =
    room >= SHORT_RUN ? Math.min(positions, SAMPLES, fitting) : positions <= SAMPLES ? positions : SAMPLES - 16;
  const most = Math.floor(LOGITS / width(run));
  const chunk = classes <= most ? classes : most & (most < CLASS_BLOCK ? -8 : -CLASS_BLOCK);
  return { images: 1, positions: run, classes: chunk, planar };
}
