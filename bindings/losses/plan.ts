import type { Kernels } from '../backend/kernels.ts';
import type { Input } from '../input/tensors.ts';

/**
 * How an input is cut into tiles: whole images while they fit, else runs of positions of one image; all classes at once
 * while they fit, else chunks of them. No sample's result depends on the cut: float32 sums are taken over blocks of classes,
 * and a chunk holds whole blocks.
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

/** Forms, as assembly/tile.ts has them: rows, planes as they come, rows to be turned into planes. */
const ROWS = 0;
export const PLANAR = 1;
export const TURNED = 2;

/** Runs of positions shorter than this cost more in copying one by one than a second pass over them does. */
export const SHORT_RUN = 256;
/** Classes of a block, of which every chunk but the last is made: softmax has blocks of 128, one-vs-rest of 8. */
const SOFTMAX_BLOCK = 128;
const SIGMOID_BLOCK = 8;

/** From one plane to the next where planes are padded, as assembly/tile.ts has it, and the most that this adds. */
export const padded = (n: number): number => ((n + 15) & ~15) | 16;
const PADDING = 31;

/** `pairs`: two classes may go as one difference, in rows as they are. */
export function planSamples(
  kernels: Pick<Kernels, 'SAMPLES' | 'LOGITS' | 'FEW'>,
  input: Input,
  rearrange: boolean,
  pairs = true,
): Plan {
  const { SAMPLES, LOGITS, FEW } = kernels;
  const { classes, positions } = input;
  const planar = positions > 1 || (classes === 2 && pairs);
  const form = !rearrange || FEW === 0 ? ROWS : planar ? PLANAR : classes > FEW ? ROWS : TURNED;
  const room = Math.floor(LOGITS / classes);
  const most = Math.min(SAMPLES, room < SHORT_RUN ? room : room - PADDING);
  const images = Math.floor(most / positions);
  if (images > 0) return { images, positions, classes, form };
  const block = rearrange ? SOFTMAX_BLOCK : SIGMOID_BLOCK;
  // at least one block of classes is to fit
  const longest = Math.min(SAMPLES, Math.floor(LOGITS / block) - PADDING);
  const run = Math.min(positions, room < SHORT_RUN ? longest : most);
  const fit = Math.floor(LOGITS / (form !== ROWS && run >= SHORT_RUN ? padded(run) : run));
  return { images: 1, positions: run, classes: fit < classes ? fit - (fit % block) : classes, form };
}
