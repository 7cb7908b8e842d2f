/** `focal-simd evaluate`. */

import { evaluateFiles, type FilesResult } from '../entries/node.ts';
import type { Chunk, Dataset } from '../files/dataset.ts';
import { countTargets, evaluateDataset } from '../files/evaluate.ts';
import type { Files } from '../files/open.ts';
import type { LossSpec } from '../files/shard.ts';
import { counted } from '../input/errors.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import type { SlicedUpdateOptions, Slices } from '../meter/slices.ts';
import { InputError, refused, warn } from './errors.ts';
import { evaluation } from './evaluation.ts';
import type { EvaluateOptions } from './grammar.ts';
import { checkTexts } from './lines.ts';
import { Looks } from './looks.ts';
import { libraryOf, lossSpec, makeLoss, makeMeter, makeSlices, meterOptions, refuseForeign, warmUp } from './model.ts';
import { prepareOutputs } from './outputs.ts';
import { give } from './result.ts';
import { fileOf, filesOf, openGroups, openSamples, openTexts, STDIN } from './samples.ts';
import { showProgress, startProgress, stopProgress } from './terminal.ts';

/** Fewer logits tell more of the start than of the work. */
const WORTH_TIMING = 1_000_000;

export async function evaluate(logits: string, targets: string | undefined, options: EvaluateOptions): Promise<number> {
  refuseForeign(options);
  const { state, report, names, alpha, ignoreIndex, background } = options;
  const files = filesOf(logits, targets, options);
  const texts = await openTexts(files, options);
  const text = texts.path;
  const read = [fileOf(logits), fileOf(targets), names, text, alpha, fileOf(options.groupBy)];
  const outputs = await prepareOutputs({ '--state': state, '--report': report }, read, options);
  const streamed = logits === STDIN || targets === STDIN;
  if (streamed && alpha === 'auto')
    throw new InputError('--alpha auto reads the targets twice, which stdin does not allow');
  const groups = await openGroups(files, options);
  const dataset = await openSamples(files, options, typeof groups === 'string' ? [groups] : []);
  try {
    const { classes, samples } = dataset;
    const { firstIndex = 0 } = options;
    const checkText = async (count: number) => {
      if (text === undefined) return;
      await checkTexts(text, { samples: firstIndex + count, atLeast: options.firstIndex !== undefined });
    };
    if (samples !== null) await checkText(samples);
    if (Array.isArray(groups)) checkGroups(groups, samples, options);
    const api = libraryOf(options);
    // a bad label is told before hours of work, where it takes a moment to look
    const look = alpha === 'auto' || (!streamed && samples !== null);
    const perClass = look ? await countTargets(dataset, { ignoreIndex, background }) : null;
    const spec = await lossSpec(options, perClass);
    const loss = makeLoss(spec);
    warmUp(api, loss, classes);
    const counting = streamed
      ? countStream(dataset, options, groups, {
          meter: makeMeter(api, loss, options, classes),
          slices: groups === null ? null : makeSlices(api, loss, options, classes),
        })
      : null;
    const counted = await (counting ?? countFiles(files, dataset, spec, options, groups));
    const { meter, slices, samples: found, ...run } = counted;
    if (samples === null) await checkText(found);
    if (Array.isArray(groups)) checkGroups(groups, found, options);
    const facts = { files: dataset.files, backend: api.backend(), ...run };
    return await give(await evaluation(slices ?? meter, dataset.names, options, facts, texts.of), options, outputs);
  } finally {
    await dataset.close();
  }
}

type Groups = Awaited<ReturnType<typeof openGroups>>;

/** There is a group for each sample, no more and no fewer, but where the file goes on with those of other shards. */
function checkGroups(groups: readonly string[], samples: number | null, options: EvaluateOptions): void {
  if (samples === null || groups.length === samples) return;
  const goesOn = options.firstIndex !== undefined;
  if (goesOn && groups.length > samples) return;
  const from = goesOn ? ` from ${options.firstIndex} on` : '';
  const expected = `${goesOn ? 'at least ' : ''}${counted(samples, 'group')}${from}, one for each sample`;
  throw new InputError(`${options.groupBy}: expected ${expected}, got ${groups.length}`);
}

interface Counted {
  readonly meter: Meter<AnyLoss>;
  readonly slices: Slices<AnyLoss> | null;
  readonly samples: number;
  readonly unlabelled: number;
  readonly seconds: number;
  readonly nsPerLogit: number | null;
  readonly jobs: number;
}

/** Time `work`, with a bar while it goes on. */
async function timed(dataset: Dataset, work: () => Promise<Omit<FilesResult, 'names'>>): Promise<Counted> {
  const start = performance.now();
  startProgress(dataset.samples);
  try {
    const { meter, slices, samples, missing, computing, jobs } = await refused('samples', work);
    const seconds = (performance.now() - start) / 1000;
    const logits = samples * dataset.classes;
    const nsPerLogit = logits >= WORTH_TIMING ? (computing * 1e6) / logits : null;
    return { meter, slices, samples, unlabelled: missing, seconds, nsPerLogit, jobs };
  } finally {
    stopProgress();
  }
}

/** Files, on as many threads as asked for. */
async function countFiles(
  files: Files,
  dataset: Dataset,
  spec: LossSpec,
  options: EvaluateOptions,
  groups: Groups,
): Promise<Counted> {
  const { firstIndex = 0, chunk: bytes, backend, jobs, maxGroups } = options;
  const looks = await new Looks(options).at(dataset);
  const meter = meterOptions(options, dataset.classes);
  const { names } = dataset;
  const evaluating = {
    loss: spec,
    meter,
    firstIndex,
    bytes,
    backend,
    jobs,
    onProgress: showProgress,
    ...(names && { names }),
    // of shards the file goes on
    ...(groups !== null && {
      groups: typeof groups === 'string' ? groups : groups.slice(0, dataset.samples ?? undefined),
    }),
    ...(groups !== null && { maxGroups }),
  };
  const counted = await timed(dataset, () => evaluateFiles(files, evaluating));
  if (looks.warning) warn(looks.warning);
  return counted;
}

/** What can be read but once. */
async function countStream(
  dataset: Dataset,
  options: EvaluateOptions,
  groups: Groups,
  { meter, slices }: { meter: Meter<AnyLoss>; slices: Slices<AnyLoss> | null },
): Promise<Counted> {
  const { firstIndex = 0, chunk: bytes } = options;
  const looks = new Looks(options);
  const looking: Pick<Meter<AnyLoss>, 'update'> = {
    update(logits, targets, at) {
      looks.see(logits as Chunk['logits'], targets as Chunk['targets']);
      (slices ?? meter).update(logits, targets, at as SlicedUpdateOptions);
    },
  };
  const ofChunk =
    typeof groups === 'string' || groups === null
      ? (groups ?? undefined)
      : ({ first, samples }: Chunk) => {
          if (groups.length < first + samples) checkGroups(groups, first + samples, options);
          return groups.slice(first, first + samples);
        };
  const counted = await timed(dataset, async () => {
    const how = { firstIndex, bytes, groups: ofChunk, onProgress: showProgress };
    const read = await evaluateDataset(dataset, looking, how);
    return { meter, slices, ...read, jobs: 1 };
  });
  if (looks.warning) warn(looks.warning);
  return counted;
}
