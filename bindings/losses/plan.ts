import {
  CLASS_GROUP,
  FEW,
  LOGITS,
  PLANE_GAP,
  PLANE_GROUP,
  PLANES,
  ROWS,
  SAMPLES,
  TRANSPOSED,
} from '../backend/constants.ts';

/**
 * How an input is cut into tiles: whole images while they fit, else runs of positions of one image; all classes at once
 * while they fit, else chunks of whole groups of them. No sample's result depends on the cut.
 */
export interface Plan {
  /** Images a tile takes. */
  readonly images: number;
  /** Positions of an image a tile takes. */
  readonly positions: number;
  /** Classes a tile takes. */
  readonly classes: number;
  /** The form in which the kernels see it: ROWS, PLANES or TRANSPOSED. */
  readonly form: number;
}

/** What the tiles of a variant may be. */
export interface Room {
  /** Most logits. */
  readonly logits: number;
  /** Whether vectors run across the samples where that is faster; else along whatever lies side by side. */
  readonly across: boolean;
}

export const SOFTMAX_ROOM: Room = { logits: LOGITS, across: true };
/**
 * With a target for each logit softmax goes through three blocks as large as the tile: of rows half as many at a time,
 * so that the second-level cache holds them.
 */
export const HALF_ROOM: Room = { logits: LOGITS / 2, across: true };
export const SIGMOID_ROOM: Room = { logits: LOGITS, across: false };
/** With metrics half tiles, whose losses and cross-entropies take the room of a whole one together. */
export const SIGMOID_METRICS_ROOM: Room = { logits: LOGITS / 2, across: false };

/** Runs of positions shorter than this cost more in copying one by one than a second pass over them does. */
export const SHORT_RUN = 256;

/** From one plane of n samples to the next: room for whole vectors of eight, and a gap. */
export const planeStride = (n: number): number => ((n + PLANE_GAP + 2 * PLANE_GROUP - 2) & -PLANE_GROUP) | PLANE_GROUP;
/** The most that this adds. */
const PADDING = PLANE_GAP + 3 * PLANE_GROUP - 2;

function formOf(classes: number, positions: number, pairs: boolean): number {
  if (positions > 1 || (classes === 2 && pairs)) return PLANES;
  return classes > FEW ? ROWS : TRANSPOSED;
}

/** `pairs`: two classes may go as one difference, in rows as they are. */
export function planSamples(
  input: { readonly classes: number; readonly positions: number },
  room: Room,
  pairs = true,
): Plan {
  const { classes, positions } = input;
  const form = room.across ? formOf(classes, positions, pairs) : ROWS;
  const fitting = Math.floor(room.logits / classes);
  const most = Math.min(SAMPLES, form === ROWS || fitting < SHORT_RUN ? fitting : fitting - PADDING);
  const images = Math.floor(most / positions);
  if (images > 0) return { images, positions, classes, form };
  // at least one group of classes is to fit
  const longest = Math.min(SAMPLES, Math.floor(room.logits / CLASS_GROUP) - PADDING);
  const run = Math.min(positions, fitting < SHORT_RUN ? longest : most);
  const together = Math.floor(room.logits / (form === PLANES && run >= SHORT_RUN ? planeStride(run) : run));
  const chunk = together < classes ? together - (together % CLASS_GROUP) : classes;
  return { images: 1, positions: run, classes: chunk, form };
}
