/** `focal-simd compare`. */
import { compareFiles } from '../entries/node.ts';
import { areTabled, openPair, type Pair, type PairFiles } from '../files/compare.ts';
import { countTargets } from '../files/evaluate.ts';
import { resolve } from '../files/node/source.ts';
import type { LossSpec } from '../files/shard.ts';
import { comparison } from './comparison.ts';
import { InputError, refused, warn } from './errors.ts';
import { CONFUSION_CLASSES, type CompareOptions, flagHint } from './grammar.ts';
import { checkTexts, readNames } from './lines.ts';
import { Looks } from './looks.ts';
import { libraryOf, lossSpec, meterOptions, refuseForeign } from './model.ts';
import { prepareOutputs } from './outputs.ts';
import { give } from './result.ts';
import { axisOf, fileOf, inputOf, openTexts, STDIN, warnOfAll } from './samples.ts';
import { showProgress, startProgress, stopProgress } from './terminal.ts';

export async function compare(
  baseline: string,
  candidate: string | undefined,
  targets: string | undefined,
  options: CompareOptions,
): Promise<number> {
  refuseForeign(options);
  const { state, report, names, alpha, ignoreIndex, background } = options;
  if (options.decide && !options.maxDrop)
    throw new InputError('--decide says how the limits of --max-drop are held: give some');
  if ([baseline, candidate, targets].includes(STDIN))
    throw new InputError(`compare reads files, not stdin${flagHint()}`);
  const files = pairOf(baseline, candidate, targets, options);
  const scores = options.baseline ?? options.scores;
  const tabled = areTabled(files) ? { table: 'table' in files ? files.table : files.baseline, target: '' } : null;
  const texts = await openTexts(tabled, { ...options, ...(scores && { scores }) });
  const text = texts.path;
  const read = [baseline, candidate, targets].map(fileOf);
  const outputs = await prepareOutputs(
    { '--state': state, '--report': report },
    [...read, names, text, alpha],
    options,
  );
  const given = names === undefined ? null : await readNames(names);
  const pair = await refused(names ?? 'options', () =>
    openPair(files, { ignoreIndex, classAxis: axisOf(options), names: given, resolve }),
  );
  try {
    if (tabled && scores === undefined) warnOfAll(pair.baseline);
    const samples = pair.baseline.samples ?? pair.candidate.samples;
    const { firstIndex = 0 } = options;
    if (text !== undefined && samples !== null) {
      await checkTexts(text, { samples: firstIndex + samples, atLeast: options.firstIndex !== undefined });
    }
    if (alpha === 'auto' && !pair.labelled) throw new InputError('--alpha auto needs targets');
    const look = pair.labelled && (alpha === 'auto' || samples !== null);
    const perClass = look ? await countTargets(pair.baseline, { ignoreIndex, background }) : null;
    const spec = await lossSpec(options, perClass);
    const { comparison: both, ...found } = await count(files, pair, spec, options);
    const run = { files: read.filter((file) => file !== undefined), backend: libraryOf(options).backend(), ...found };
    return await give(await comparison(both, pair.baseline.names, options, run, texts.of), options, outputs);
  } finally {
    await pair.close();
  }
}

/** Which files, or which columns of a table or two. */
function pairOf(
  baseline: string,
  candidate: string | undefined,
  targets: string | undefined,
  options: CompareOptions,
): PairFiles {
  const { target, scores, baseline: ours, candidate: theirs } = options;
  const logits = inputOf(baseline, options);
  if (candidate === undefined) {
    if (ours !== undefined && theirs !== undefined && scores === undefined) {
      return { table: logits, baseline: ours, candidate: theirs, ...(target !== undefined && { target }) };
    }
    if ([target, scores, ours, theirs].some((option) => option !== undefined)) {
      throw new InputError(
        "of one table, --baseline and --candidate each name columns, as 'a_*' and 'b_*', and --target that of the labels; " +
          'of two tables give both files',
      );
    }
    throw new InputError(
      "missing required argument 'candidate'; of a table name the columns: --baseline, --candidate, --target",
    );
  }
  const others = inputOf(candidate, options);
  if ([target, scores, ours, theirs].every((option) => option === undefined)) {
    return {
      baseline: logits,
      candidate: others,
      ...(targets !== undefined && { targets: inputOf(targets, options) }),
    };
  }
  if (targets !== undefined) {
    throw new InputError('of two tables, --target names the column of the labels: a third file has no place');
  }
  if ((ours === undefined) !== (theirs === undefined) || (ours !== undefined && scores !== undefined)) {
    throw new InputError(
      'of two tables, --scores names the columns of both, or --baseline and --candidate those of each',
    );
  }
  return {
    baseline: logits,
    candidate: others,
    scores: ours ?? scores,
    ...(theirs && { candidateScores: theirs }),
    ...(target !== undefined && { target }),
  };
}

async function count(files: PairFiles, { baseline, candidate }: Pair, spec: LossSpec, options: CompareOptions) {
  const { firstIndex = 0, chunk: bytes, backend, jobs } = options;
  const looks = [await new Looks(options).at(baseline), await new Looks(options).at(candidate)] as const;
  const { classes, names } = baseline;
  // the confusions of both sides are not what a comparison shows
  const meter = meterOptions({ ...options, confusion: options.confusion ?? false }, classes);
  const flips = options.loss === 'softmax' ? { flips: options.flips ?? classes <= CONFUSION_CLASSES } : {};
  const start = performance.now();
  startProgress(baseline.samples ?? candidate.samples);
  try {
    const found = await refused('samples', () =>
      compareFiles(files, {
        loss: spec,
        comparison: { ...meter, ...flips },
        firstIndex,
        bytes,
        backend,
        jobs,
        onProgress: showProgress,
        ...(names && { names }),
      }),
    );
    const { comparison, jobs: used } = found;
    return { comparison, jobs: used, seconds: (performance.now() - start) / 1000 };
  } finally {
    stopProgress();
    const { warning } = looks.find((one) => one.warning) ?? looks[0];
    if (warning) warn(warning);
  }
}
