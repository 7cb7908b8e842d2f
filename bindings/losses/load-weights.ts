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

/** By memory, which the backends of losses and meters share. */
const loaded = new WeakMap<object, Record<'positive' | 'negative' | 'threshold', Loaded>>();

/** What of a backend has been loaded so far. */
function knownOf({ kernels: { memory } }: Backend): Record<'positive' | 'negative' | 'threshold', Loaded> {
  let known = loaded.get(memory);
  if (!known) {
    const nothing = (): Loaded => ({ weights: NaN, layout: '', count: 0 });
    known = { positive: nothing(), negative: nothing(), threshold: nothing() };
    loaded.set(memory, known);
  }
  return known;
}

/** Have the thresholds of the logits in LOGIT_THRESHOLDS, laid out as the tile. */
export function loadThresholds(backend: MeterBackend, thresholds: number | Float32Array, tile: Tile): void {
  const { LOGIT_THRESHOLDS } = backend.kernels;
  load(backend, knownOf(backend).threshold, thresholds, LOGIT_THRESHOLDS, tile, tile.positions, tile.images);
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
  const known = knownOf(backend);
  const { CLASS_WEIGHTS, LOGIT_WEIGHTS } = backend.kernels;
  const { positions, images } = tile;
  if (variant === 'sigmoid') load(backend, known.negative, negative, LOGIT_WEIGHTS, tile, positions, images);
  if (variant === 'sigmoid' && dense) load(backend, known.positive, positive, CLASS_WEIGHTS, tile, positions, images);
  else load(backend, known.positive, positive, CLASS_WEIGHTS, tile, 1, 1);
}

function load(
  { f32 }: Backend,
  known: Loaded,
  weights: Weights,
  at: number,
  { firstClass, classes }: Tile,
  positions: number,
  images: number,
): void {
  const image = classes * positions;
  const count = images * image;
  const layout = typeof weights === 'number' ? '' : `${firstClass} ${classes} ${positions}`;
  if (known.weights === weights && known.layout === layout && known.count >= count) return;
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
  Object.assign(known, { weights, layout, count });
}
