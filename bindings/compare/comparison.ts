import type { MeterBackend, PairBackend } from '../backend/backend.ts';
import { COLUMN_RANK, COLUMN_WRONG, SAMPLES } from '../backend/constants.ts';
import { common, firstOf } from '../input/checks.ts';
import { counted, outOfRange, wrongType } from '../input/errors.ts';
import { isAsymmetric } from '../input/targets.ts';
import { type Input, type Logits, type Reading, readInput, type Targets, type Tensor } from '../input/tensors.ts';
import type { SoftmaxLoss } from '../losses/losses.ts';
import type { Settings } from '../losses/options.ts';
import { metered, survey } from '../losses/survey.ts';
import { ARITHMETIC, checkSame, namedOptions, settingsFrom } from '../meter/config.ts';
import { type AnyLoss, Meter, type MeterOptions, type Report, type UpdateOptions } from '../meter/meter.ts';
import { predictions } from '../meter/softmax-tally.ts';
import type { Visit } from '../meter/tally.ts';
import { type ComparisonState, toBytes, toJSON } from './codec.ts';
import type { ComparisonReport, ComputeOptions } from './fields.ts';
import type { PairConfig } from './layout.ts';
import { canStage, keep, Pairs, Stages, samplesOf, sidesOf } from './pairs.ts';
import { report } from './report.ts';
import { rowsOf } from './rows.ts';
import { readPairConfig, type Sides } from './sides.ts';

/**
 * Logits of a side that are counted together: of images, which become rows, and where each side goes by itself, to be
 * read again soon.
 */
const TOGETHER = 2 ** 17;

interface OwnOptions {
  /** How many of the samples whose loss rose most to keep, with what both sides said. Default 0. */
  hardest?: number;
}

interface OwnSoftmaxOptions extends OwnOptions {
  /** Whether to keep the table of predictions, baseline × candidate, classes² counts. Default false. */
  flips?: boolean;
}

/** Options of a comparison: those of the meter that counts each side, and its own. */
export type ComparisonOptions<L> =
  // biome-ignore lint/suspicious/noExplicitAny: any reduction will do
  L extends SoftmaxLoss<any>
    ? OwnSoftmaxOptions & Omit<MeterOptions<L>, 'hardest'>
    : OwnOptions & Omit<MeterOptions<L>, 'hardest'>;

/** The own options, and what is left for the meters. */
export function splitOptions(loss: unknown, given: unknown): { config: PairConfig; meter: Record<string, unknown> } {
  const { hardest = 0, flips = false, ...meter } = namedOptions(loss, given, 'a comparison', ['flips']);
  return { config: readPairConfig({ hardest, flips }), meter };
}

/**
 * Two classifiers on the same samples: how far the candidate is from the baseline, and, where there are labels, what it
 * gains and loses. Like a meter it is exact: one batch or a million, in any order, over any number of comparisons
 * merged in any tree give the same bits.
 *
 * Fidelity needs no labels: agreement of the predictions, Kullback-Leibler divergence KL(baseline‖candidate), largest
 * |Δp|. Quality is paired: each sample's numbers are subtracted before anything is summed, so intervals are those of
 * the difference.
 */
export class Comparison<L extends AnyLoss> {
  readonly #backend: () => PairBackend;
  #sides: Sides;

  /** @param sides what it has counted so far; it is the comparison's own from now on */
  constructor(backend: () => PairBackend, sides: Sides) {
    this.#backend = backend;
    this.#sides = sides;
  }

  /**
   * Count a batch in.
   *
   * @param baseline logits of the baseline, as for the loss's `forward`, of as many classes as the comparison; without
   *   targets a typed array is `[N, classes]`
   * @param candidate logits of the candidate for the same samples, in the same shape
   * @param targets as for the loss's `forward`; left out, the samples count for fidelity alone
   * @param options `firstIndex`, as for a meter's `update`
   * @throws as `forward`, and when shapes, classes or `firstIndex` do not fit; nothing has changed then
   */
  update(baseline: Logits, candidate: Logits, targets?: Targets, options: UpdateOptions = {}): void {
    // options first: see valueAndGrad; the state last, as code of the caller may have changed it
    const { firstIndex: given } = common('update', options, ['firstIndex']);
    const { classes } = this.#sides.pairs.meter;
    const reading = { ...Meter.readingOf(this.#sides.baseline), classes };
    const first = readSide('baseline', baseline, targets, reading);
    // the targets once, so that both sides have the same
    const { targets: read, dense, given: memory } = first;
    const own = readSide('candidate', candidate, undefined, reading, dense ? null : read);
    const second = { ...own, targets: read, dense, given: memory };
    const [shape, other] = [first, second].map(({ batch, classes: c, positions }) => `[${[batch, c, positions]}]`);
    if (shape !== other) throw outOfRange('candidate', `the shape of the baseline, ${shape}`, other);
    const n = first.batch * first.positions;
    // reading the candidate may have run code of the caller, too
    if (first.logits.length !== second.logits.length || read.length !== n * (dense ? classes : 1)) {
      throw wrongType('baseline', 'attached arrays', 'a detached or shrunk one');
    }
    const { pairs } = this.#sides;
    const { meter, words, at, coverage } = pairs;
    const seen = (words[at.totals.samples] as number) + (words[at.totals.ignored] as number);
    const index = firstOf(n, given === undefined ? seen : given);
    if (meter.arithmetic !== ARITHMETIC) {
      const got = `${meter.arithmetic}: its state is of an older release`;
      throw outOfRange('update', `a comparison of arithmetic ${ARITHMETIC}`, got);
    }
    coverage?.check([index, index + n]);
    if (n === 0) return;
    const settings = settingsFrom(meter);
    const labelled = targets !== undefined;
    const where = Meter.backendOf(this.#sides.baseline);
    if (labelled) survey(where, settings, first, null);
    const inputs = labelled ? [metered(first, settings), metered(second, settings)] : [first, second];
    const backend = this.#backend();
    const softmax = meter.variant === 'softmax';
    // where one-vs-rest goes logit by logit, it goes by itself
    const tiled = softmax || (labelled && !inputs[0]?.dense && !isAsymmetric(settings));
    const sides = tiled && canStage(where, backend, meter) ? sidesOf(where, backend, meter) : null;
    const together = first.positions === 1 && sides ? Infinity : TOGETHER;
    const most = sides ? samplesOf(meter) : SAMPLES;
    // stages go on from one so many to the next
    const some = Math.max(1, Math.min(sides ? Infinity : most, Math.floor(together / first.classes)));
    pairs.begin(backend);
    for (let from = 0; from < n; from += some) {
      const count = Math.min(some, n - from);
      const rows = inputs.map((input) => rowsOf(input, from, count)) as [Input, Input];
      const stages = sides && this.#stage(backend, settings, sides, rows, labelled, index + from);
      if (!stages) this.#count(backend, settings, rows, labelled, index + from);
      pairs.add(backend, rows, labelled, index + from, stages, most);
    }
    pairs.end(backend, labelled);
    // what it has counted is in no place of its own
    if (sides && !softmax) Meter.flush(this.#sides.candidate);
  }

  /** Both sides tile by tile, so that what one makes of a tile is there for the other. */
  #stage(
    backend: PairBackend,
    settings: Settings,
    sides: readonly [MeterBackend, MeterBackend],
    rows: readonly [Input, Input],
    labelled: boolean,
    index: number,
  ): Stages {
    const meters = [this.#sides.baseline, this.#sides.candidate] as const;
    return new Stages(backend, this.#sides.pairs.meter, sides, (side, room) =>
      labelled
        ? Meter.begin(meters[side], rows[side], index, room, sides[side])
        : predictions(sides[side], settings, rows[side], room),
    );
  }

  /** Count either side, and keep what its meter has found of each sample; without labels, what softmax predicts. */
  #count(
    backend: PairBackend,
    settings: Settings,
    rows: readonly [Input, Input],
    labelled: boolean,
    index: number,
  ): void {
    const { baseline, candidate } = this.#sides;
    const where = Meter.backendOf(baseline);
    for (const [side, meter] of ([baseline, candidate] as const).entries()) {
      const own = rows[side] as Input;
      const column = settings.variant === 'softmax' ? COLUMN_RANK : COLUMN_WRONG;
      const take: Visit = (by, at, samples) => keep(backend, side as 0 | 1, by, at, samples, column);
      if (labelled) {
        Meter.count(meter, own, index, take);
      } else if (settings.variant === 'softmax') {
        const pass = predictions(where, settings, own);
        pass.tile.eachSamples(() => {
          pass.stages();
          take(where, pass.tile.firstSample, pass.tile.samples);
        });
      }
    }
  }

  /**
   * What was found, as a plain object that JSON can hold: null stands for what is not defined or not finite.
   *
   * @param options `confidence` of the intervals, in (0, 1), default 0.95
   */
  compute(options: ComputeOptions = {}): ComparisonReport<Report<L>> {
    return report(this.#settled(), options) as unknown as ComparisonReport<Report<L>>;
  }

  /**
   * Take in what another comparison has counted; the other stays as it is.
   *
   * @throws TypeError when it is no comparison; RangeError, naming the difference, when its loss or options differ,
   *   and, with `coverage`, when samples are in both; nothing has changed then
   */
  merge(other: Comparison<L>): void {
    if (!(typeof other === 'object' && other !== null && #sides in other)) {
      throw wrongType('other', 'a FocalComparison', other);
    }
    const [mine, theirs] = [this.#settled(), other.#settled()];
    checkSame(mine.pairs.meter, theirs.pairs.meter);
    for (const key of ['hardest', 'flips'] as const) {
      const [here, there] = [mine.pairs.config[key], theirs.pairs.config[key]];
      if (here !== there) throw outOfRange(`other: ${key}`, `${here}`, `${there}`);
    }
    const pairs = mine.pairs.merged(theirs.pairs);
    // of what the pairs allow, the meters, which have seen no more, allow all; a clone, should that ever be untrue
    const [baseline, candidate] = [mine.baseline.clone(), mine.candidate.clone()];
    baseline.merge(theirs.baseline);
    candidate.merge(theirs.candidate);
    this.#sides = { baseline, candidate, pairs };
  }

  /** Back to the state of a new comparison. */
  reset(): void {
    const { baseline, candidate, pairs } = this.#sides;
    baseline.reset();
    candidate.reset();
    this.#sides = { baseline, candidate, pairs: new Pairs(pairs.meter, pairs.config) };
  }

  /** The state as a plain object that JSON holds exactly; the format is told in codec.ts. */
  toJSON(): ComparisonState {
    return toJSON(this.#settled());
  }

  /** The state as bytes; the format is told in codec.ts. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return toBytes(this.#settled());
  }

  /** All of it with nothing pending. */
  #settled(): Sides {
    this.#sides.pairs.carryAll();
    return this.#sides;
  }
}

/**
 * The logits of one side, with the targets or, where there are none, with labels that nobody looks at, `any` if they
 * will do.
 */
function readSide(
  name: string,
  logits: unknown,
  targets: unknown,
  reading: Reading & { classes: number },
  any: Input['targets'] | null = null,
): Input {
  const { classes } = reading;
  try {
    const labels = targets === undefined ? unlabelled(logits, reading, any) : targets;
    const input = readInput(logits, labels, reading);
    if (input.batch * input.positions > 0 && input.classes !== classes) {
      throw outOfRange('logits', counted(classes, 'class'), input.classes);
    }
    return input;
  } catch (error) {
    if (error instanceof Error) error.message = `${name}: ${error.message}`;
    throw error;
  }
}

/**
 * As many labels as there are samples: a tensor tells its classes, of a typed array they are those of the comparison.
 */
function unlabelled(
  logits: unknown,
  { classes, classAxis }: Reading & { classes: number },
  any: Input['targets'] | null,
): Input['targets'] {
  const { data, dims, shape } = ArrayBuffer.isView(logits)
    ? ({ data: logits } as Partial<Tensor<unknown>>)
    : Object(logits);
  const size = ArrayBuffer.isView(data) ? (data as Float32Array).length : 0;
  const given: ArrayLike<number> | undefined = dims ?? shape;
  const n = size / Number(given?.[classAxis === 1 ? 1 : given.length - 1] ?? classes);
  if (any?.length === n) return any;
  if (Number.isInteger(n)) return new Int32Array(n);
  throw outOfRange('logits', `a multiple of ${counted(classes, 'class')}`, size);
}
