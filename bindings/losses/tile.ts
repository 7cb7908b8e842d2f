import type { Backend } from '../backend/backend.ts';
import { BYTES, HALVES, PLANES } from '../backend/constants.ts';
import { badTarget, copyNumbers, type TargetRules } from '../input/targets.ts';
import type { Input } from '../input/tensors.ts';
import { type Plan, planeStride, SHORT_RUN } from './plan.ts';

/**
 * One tile of an input: images [firstImage, + images), positions [firstPosition, + positions), classes
 * [firstClass, + classes), and where its logits lie once loaded. One object walks over a whole call.
 */
export class Tile {
  firstImage = 0;
  images = 0;
  firstPosition = 0;
  positions = 0;
  firstClass = 0;
  classes = 0;
  /** Address of the loaded tile, and its steps in logits. */
  source = 0;
  imageStride = 0;
  classStride = 0;
  /** ROWS, PLANES, or TRANSPOSED: `open` transposes the rows, and leaves where they came from alone. */
  readonly form: number;
  readonly #backend: Backend;
  readonly #input: Input;
  readonly #plan: Plan;

  constructor(backend: Backend, input: Input, plan: Plan) {
    this.#backend = backend;
    this.#input = input;
    this.#plan = plan;
    this.form = plan.form;
  }

  get samples(): number {
    return this.images * this.positions;
  }

  /** Index of the tile's first sample among those of the call. */
  get firstSample(): number {
    return this.firstImage * this.#input.positions + this.firstPosition;
  }

  /** Whether one tile holds all classes of its samples. */
  get whole(): boolean {
    return this.#plan.classes >= this.#input.classes;
  }

  /** Call `visit` for each tile of samples. */
  eachSamples(visit: () => void): void {
    const { batch, positions } = this.#input;
    for (let b = 0; b < batch; b += this.#plan.images) {
      this.firstImage = b;
      this.images = Math.min(this.#plan.images, batch - b);
      for (let d = 0; d < positions; d += this.#plan.positions) {
        this.firstPosition = d;
        this.positions = Math.min(this.#plan.positions, positions - d);
        visit();
      }
    }
  }

  /** Call `visit` for each chunk of the classes of these samples. */
  eachClasses(visit: () => void): void {
    const { classes } = this.#input;
    for (let c = 0; c < classes; c += this.#plan.classes) {
      this.firstClass = c;
      this.classes = Math.min(this.#plan.classes, classes - c);
      visit();
    }
  }

  /**
   * Bring the tile of `array`, which has the layout of the logits, before the kernels. An array of logits that already
   * lies in their memory is taken where it is if `inPlace` allows it: `close` puts back what they change in it.
   */
  load(array: Input['logits'], inPlace: boolean): void {
    const { kernels, f32 } = this.#backend;
    const { half, scale } = array === this.#input.logits ? this.#input : { half: false, scale: 0 };
    const there = array instanceof Float32Array && array.buffer === kernels.memory.buffer;
    const borrowed = inPlace && scale === 0 && there && kernels.ROWS === undefined;
    if (borrowed) {
      this.source = array.byteOffset + 4 * this.#at(0, 0);
      this.imageStride = this.#input.classes * this.#input.positions;
      this.classStride = this.#input.positions;
    } else {
      const spread = this.form === PLANES && !this.contiguous;
      this.source = kernels.ROWS ?? kernels.TILE;
      this.classStride = spread ? planeStride(this.samples) : this.positions;
      this.imageStride = spread ? this.positions : this.classes * this.positions;
      this.#runs((from, offset, n) => {
        const part = n === array.length ? array : array.subarray(from, from + n);
        const to = this.source + 4 * offset;
        if (half) {
          new Uint16Array(kernels.memory.buffer, to + 2 * n, n).set(part);
          kernels.convert(to, n, HALVES);
        } else {
          f32.set(part, to >> 2);
        }
        if (scale) kernels.convert(to, n, scale);
      });
    }
  }

  /**
   * Bring the targets of the loaded tile, one number a logit, to TARGETS. Returns how many are ignored; throws for the
   * first that is no target.
   */
  loadTargets(rules: TargetRules): number {
    const { kernels, f32 } = this.#backend;
    const { targets } = this.#input;
    const bytes = targets instanceof Uint8Array;
    // without gaps they are checked in one go
    const together = this.imageStride === this.classes * this.positions;
    const size = bytes && together ? 1 : 4;
    let ignored = 0;
    const check = (at: number, n: number): void => {
      const count = kernels.targets(kernels.TARGETS + size * at, n, bytes ? BYTES : 0);
      if (count < 0) throw badTarget(this.#input, this.#indexOf(at - 1 - count), rules);
      ignored += count;
    };
    this.#runs((from, at, n) => {
      copyNumbers(targets, from, n, kernels.TARGETS + size * at, f32);
      if (!together) check(at, n);
    });
    if (together) check(0, this.samples * this.classes);
    return ignored;
  }

  /** Have the kernels take up what was loaded. */
  open(): void {
    this.#backend.kernels.open(
      this.source,
      this.images,
      this.positions,
      this.classes,
      this.imageStride,
      this.classStride,
      this.firstClass,
      this.form,
    );
  }

  /** Copy what the kernels have at `from`, laid out as the tile that was opened, to its place in `array`. */
  store(array: Float32Array, from: number): void {
    const { f32 } = this.#backend;
    this.#runs((to, at, n) => {
      const start = (from >> 2) + at;
      array.set(f32.subarray(start, start + n), to);
    });
  }

  /** Whether the tile is copied in one run; long runs go straight to the places they have in planes. */
  get contiguous(): boolean {
    const { positions, images } = this;
    if (this.form === PLANES && positions >= SHORT_RUN) return false;
    return positions === this.#input.positions && (images === 1 || this.classes === this.#input.classes);
  }

  /** Index in the input of class `c` of the chunk, at the first of the tile's samples in its image `b`. */
  #at(b: number, c: number): number {
    const { classes, positions } = this.#input;
    return ((this.firstImage + b) * classes + this.firstClass + c) * positions + this.firstPosition;
  }

  /** Index in the input of what is at a place of the tile. */
  #indexOf(place: number): number {
    let index = 0;
    this.#runs((from, at, n) => {
      if (at <= place && place < at + n) index = from + place - at;
    });
    return index;
  }

  /** The runs of logits the tile is made of: index in the input, index in the tile, length. */
  #runs(visit: (inInput: number, inTile: number, n: number) => void): void {
    if (this.contiguous) {
      visit(this.#at(0, 0), 0, this.samples * this.classes);
      return;
    }
    for (let b = 0; b < this.images; b++) {
      for (let c = 0; c < this.classes; c++) {
        visit(this.#at(b, c), b * this.imageStride + c * this.classStride, this.positions);
      }
    }
  }
}
