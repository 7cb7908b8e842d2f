import type { Backend, MeterBackend } from '../backend/backend.ts';
import type { Settings } from './options.ts';
import type { Tile } from './tile.ts';

type Weights = Settings['positive'];

/** Which weights lie in a block of a memory, and how. */
interface Loaded {
  weights: Weights;
  layout: string;
  count: number;
}

/** By memory, which the backends of losses and meters share, and by address. */
const loaded = new WeakMap<object, Map<number, Loaded>>();

/** Have the thresholds of the logits in LOGIT_THRESHOLDS, laid out as the tile. */
export function loadThresholds(backend: MeterBackend, thresholds: number | Float32Array, tile: Tile): void {
  const { LOGIT_THRESHOLDS } = backend.kernels;
  load(backend, thresholds, LOGIT_THRESHOLDS, tile, tile.positions, tile.images);
}

/**
 * Have the weights of the tile's classes in CLASS_WEIGHTS, and for one-vs-rest those of its logits in LOGIT_WEIGHTS.
 * `dense`: there is a target for each logit, so that one-vs-rest may need any class's weight at any logit.
 */
export function loadWeights(
  backend: Backend,
  { variant, positive, negative }: Settings,
  tile: Tile,
  dense: boolean,
): void {
  const { CLASS_WEIGHTS, LOGIT_WEIGHTS } = backend.kernels;
  const { positions, images } = tile;
  if (variant === 'sigmoid') load(backend, negative, LOGIT_WEIGHTS, tile, positions, images);
  if (variant === 'sigmoid' && dense) load(backend, positive, CLASS_WEIGHTS, tile, positions, images);
  else load(backend, positive, CLASS_WEIGHTS, tile, 1, 1);
}

function load(
  { f32, kernels: { memory } }: Backend,
  weights: Weights,
  at: number,
  { firstClass, classes }: Tile,
  positions: number,
  images: number,
): void {
  const image = classes * positions;
  const count = images * image;
  const layout = typeof weights === 'number' ? '' : `${firstClass} ${classes} ${positions}`;
  const blocks = loaded.get(memory) ?? new Map<number, Loaded>();
  const known = blocks.get(at);
  if (known?.weights === weights && known.layout === layout && known.count >= count) return;
  loaded.set(memory, blocks.set(at, { weights, layout, count }));
  const start = at >> 2;
  if (typeof weights === 'number') f32.fill(weights, start, start + image);
  else if (positions === 1) f32.set(weights.subarray(firstClass, firstClass + classes), start);
  else {
    for (let c = 0; c < classes; c++) {
      f32.fill(weights[firstClass + c] as number, start + c * positions, start + (c + 1) * positions);
    }
  }
  for (let done = image; done < count; done *= 2) {
    f32.copyWithin(start + done, start, start + Math.min(done, count - done));
  }
}
