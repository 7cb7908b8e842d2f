/** `focal-simd compare`. */
import { FocalComparison } from '../entries/compare.ts';
import type { Chunk, Dataset } from '../files/dataset.ts';
import { countTargets } from '../files/evaluate.ts';
import { openArray } from '../files/node/api.ts';
import type { AnyLoss } from '../meter/meter.ts';
import { comparison } from './comparison.ts';
import { InputError, refused, refusing, warn } from './errors.ts';
import { CONFUSION_CLASSES, type CompareOptions, flagHint } from './grammar.ts';
import { checkTexts } from './lines.ts';
import { Looks } from './looks.ts';
import { libraryOf, lossSpec, makeLoss, meterOptions, refuseForeign } from './model.ts';
import { prepareOutputs } from './outputs.ts';
import { give } from './result.ts';
import { fileOf, filesOf, noTargets, openSamples, openTexts, STDIN } from './samples.ts';
import { showProgress, startProgress, stopProgress } from './terminal.ts';

export async function compare(
  baseline: string,
  candidate: string | undefined,
  targets: string | undefined,
  options: CompareOptions,
): Promise<number> {
  refuseForeign(options);
  const { state, report, names, alpha, ignoreIndex, background } = options;
  if ([baseline, candidate, targets].includes(STDIN))
    throw new InputError(`compare reads files, not stdin${flagHint()}`);
  const { target, baseline: scores } = options;
  const tabled = target === undefined ? null : filesOf(baseline, undefined, options, scores);
  const texts = await openTexts(tabled, { ...options, ...(scores && { scores }) });
  const text = texts.path;
  const read = [baseline, candidate, targets].map(fileOf);
  const outputs = await prepareOutputs(
    { '--state': state, '--report': report },
    [...read, names, text, alpha],
    options,
  );
  const sides = await openSides(baseline, candidate, targets, options);
  const [first] = sides;
  try {
    const { classes, samples } = first;
    const labelled = targets !== undefined || options.target !== undefined;
    const { firstIndex = 0 } = options;
    if (text !== undefined && samples !== null) {
      await checkTexts(text, { samples: firstIndex + samples, atLeast: options.firstIndex !== undefined });
    }
    if (alpha === 'auto' && !labelled) throw new InputError('--alpha auto needs targets');
    const look = labelled && (alpha === 'auto' || samples !== null);
    const perClass = look ? await countTargets(first, { ignoreIndex, background }) : null;
    const api = libraryOf(options);
    const loss = makeLoss(api, await lossSpec(options, perClass));
    const both = makeComparison(loss, options, classes);
    const seconds = await count(both, sides, labelled, options);
    const run = { files: read.filter((file) => file !== undefined), backend: api.backend(), seconds };
    return await give(await comparison(both, first.names, options, run, texts.of), options, outputs);
  } finally {
    for (const side of sides) await side.close();
  }
}

function makeComparison(loss: AnyLoss, options: CompareOptions, classes: number): FocalComparison {
  // the confusions of both sides are not what a comparison shows
  const meter = meterOptions({ ...options, confusion: options.confusion ?? false }, classes);
  const flips = options.loss === 'softmax' ? { flips: options.flips ?? classes <= CONFUSION_CLASSES } : {};
  return refusing('options', () => new FocalComparison<AnyLoss>(loss, { ...meter, ...flips }));
}

/** Both datasets, read in pieces of the same samples. */
async function openSides(
  baseline: string,
  candidate: string | undefined,
  targets: string | undefined,
  options: CompareOptions,
): Promise<readonly [Dataset, Dataset]> {
  const { target, baseline: ours, candidate: theirs } = options;
  if ((target === undefined) !== (ours === undefined) || (ours === undefined) !== (theirs === undefined)) {
    throw new InputError('of a table, --target, --baseline and --candidate each name columns');
  }
  if (target === undefined && candidate === undefined) {
    throw new InputError(
      "missing required argument 'candidate'; of a table name the columns: --target, --baseline, --candidate",
    );
  }
  const labels = target === undefined && targets === undefined ? await noTargets(baseline, options) : targets;
  const files = (logits: string, scores: string[] | undefined) =>
    typeof labels === 'object' ? { logits, targets: labels } : filesOf(logits, labels, options, scores);
  if (target !== undefined && candidate !== undefined)
    throw new InputError('of a table, both models are columns of one file');
  const first = await openSamples(files(baseline, ours), options);
  try {
    const second = await openSamples(files(candidate ?? baseline, theirs), options);
    if (second.classes === first.classes) return [first, second];
    await second.close();
    throw new InputError(
      `${candidate ?? baseline}: expected ${first.classes} classes as the baseline, got ${second.classes}`,
    );
  } catch (error) {
    await first.close();
    throw error;
  }
}

/** Bytes at a time for each side, so that both come in pieces of as many samples. */
async function blockSizes(sides: readonly Dataset[], { chunk, target }: CompareOptions): Promise<number[]> {
  if (target !== undefined) return sides.map(() => chunk);
  const sizes: number[] = [];
  for (const { files } of sides) {
    const array = await openArray(files[0]!, 'logits');
    sizes.push(array.itemsize);
    await array.close();
  }
  const logits = Math.floor(chunk / sizes.reduce((a, b) => Math.max(a, b)));
  return sizes.map((size) => logits * size);
}

async function count(
  both: FocalComparison,
  sides: readonly [Dataset, Dataset],
  labelled: boolean,
  options: CompareOptions,
): Promise<number> {
  const { firstIndex = 0 } = options;
  const [ours, theirs] = await blockSizes(sides, options);
  const start = performance.now();
  const candidates = sides[1].chunks(0, undefined, { bytes: theirs! });
  const looks = [new Looks(options), new Looks(options)] as const;
  startProgress(sides[0].samples);
  try {
    for await (const piece of sides[0].chunks(0, undefined, { bytes: ours! })) {
      const { value } = (await candidates.next()) as { value?: Chunk };
      if (value?.first !== piece.first || value.samples !== piece.samples) {
        throw new InputError('the two files lie in different orders: save both as numpy.ascontiguousarray(logits)');
      }
      looks[0].see(piece.logits);
      looks[1].see(value.logits);
      const targets = labelled ? piece.targets : undefined;
      await refused('samples', async () =>
        both.update(piece.logits, value.logits, targets, { firstIndex: firstIndex + piece.first }),
      );
      showProgress(piece.first + piece.samples);
    }
  } finally {
    stopProgress();
  }
  const seconds = (performance.now() - start) / 1000;
  const { warning } = looks.find((one) => one.warning) ?? looks[0];
  if (warning) warn(warning);
  return seconds;
}
