/** `focal-simd evaluate`. */
import { evaluateFiles } from '../entries/node.ts';
import type { Chunk, Dataset } from '../files/dataset.ts';
import { countTargets, evaluateDataset } from '../files/evaluate.ts';
import type { Files } from '../files/open.ts';
import type { LossSpec } from '../files/shard.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { InputError, refused, warn } from './errors.ts';
import { evaluation } from './evaluation.ts';
import type { EvaluateOptions } from './grammar.ts';
import { checkTexts } from './lines.ts';
import { LOOKED_AT, Looks } from './looks.ts';
import { libraryOf, lossSpec, makeLoss, makeMeter, meterOptions, refuseForeign, warmUp } from './model.ts';
import { prepareOutputs } from './outputs.ts';
import { give } from './result.ts';
import { fileOf, filesOf, openSamples, openTexts, STDIN } from './samples.ts';
import { showProgress, startProgress, stopProgress } from './terminal.ts';

/** Fewer logits tell more of the start than of the work. */
const WORTH_TIMING = 1_000_000;

export async function evaluate(logits: string, targets: string | undefined, options: EvaluateOptions): Promise<number> {
  refuseForeign(options);
  const { state, report, names, alpha, ignoreIndex, background } = options;
  const files = filesOf(logits, targets, options);
  const texts = await openTexts(files, options);
  const text = texts.path;
  const read = [fileOf(logits), fileOf(targets), names, text, alpha];
  const outputs = await prepareOutputs({ '--state': state, '--report': report }, read, options);
  const streamed = logits === STDIN || targets === STDIN;
  if (streamed && alpha === 'auto')
    throw new InputError('--alpha auto reads the targets twice, which stdin does not allow');
  const dataset = await openSamples(files, options);
  try {
    const { classes, samples } = dataset;
    const { firstIndex = 0 } = options;
    const checkText = async (count: number) => {
      if (text === undefined) return;
      await checkTexts(text, { samples: firstIndex + count, atLeast: options.firstIndex !== undefined });
    };
    if (samples !== null) await checkText(samples);
    const api = libraryOf(options);
    // a bad label is told before hours of work, where it takes a moment to look
    const look = alpha === 'auto' || (!streamed && samples !== null);
    const perClass = look ? await countTargets(dataset, { ignoreIndex, background }) : null;
    const spec = await lossSpec(options, perClass);
    const loss = makeLoss(api, spec);
    warmUp(api, loss, classes);
    const counting = streamed ? countStream(makeMeter(api, loss, options, classes), dataset, options) : null;
    const { meter, samples: found, ...run } = await (counting ?? countFiles(files, dataset, spec, options));
    if (samples === null) await checkText(found);
    const facts = { files: dataset.files, backend: api.backend(), ...run };
    return await give(await evaluation(meter, dataset.names, options, facts, texts.of), options, outputs);
  } finally {
    await dataset.close();
  }
}

interface Counted {
  readonly meter: Meter<AnyLoss>;
  readonly samples: number;
  readonly unlabelled: number;
  readonly seconds: number;
  readonly nsPerLogit: number | null;
  readonly jobs: number;
}

/** Time `work`, with a bar while it goes on. */
async function timed(
  dataset: Dataset,
  work: () => Promise<{ meter: Meter<AnyLoss>; samples: number; missing: number; computing: number; jobs: number }>,
): Promise<Counted> {
  const start = performance.now();
  startProgress(dataset.samples);
  try {
    const { meter, samples, missing, computing, jobs } = await refused('samples', work);
    const seconds = (performance.now() - start) / 1000;
    const logits = samples * dataset.classes;
    const nsPerLogit = logits >= WORTH_TIMING ? (computing * 1e6) / logits : null;
    return { meter, samples, unlabelled: missing, seconds, nsPerLogit, jobs };
  } finally {
    stopProgress();
  }
}

/** Files, on as many threads as asked for. */
async function countFiles(files: Files, dataset: Dataset, spec: LossSpec, options: EvaluateOptions): Promise<Counted> {
  const { firstIndex = 0, chunk: bytes, backend, jobs, classAxis } = options;
  const looks = new Looks(options);
  for await (const chunk of dataset.chunks(0, Math.min(LOOKED_AT, dataset.samples ?? LOOKED_AT))) {
    looks.see(chunk.logits);
    break;
  }
  const loss: LossSpec = classAxis === 'last' ? Object.assign({ classAxis: -1 }, spec) : spec;
  const meter = meterOptions(options, dataset.classes);
  const { names } = dataset;
  const evaluating = {
    loss,
    meter,
    firstIndex,
    bytes,
    backend,
    jobs,
    onProgress: showProgress,
    ...(names && { names }),
  };
  const counted = await timed(dataset, () => evaluateFiles(files, evaluating));
  if (looks.warning) warn(looks.warning);
  return counted;
}

/** What can be read but once. */
async function countStream(meter: Meter<AnyLoss>, dataset: Dataset, options: EvaluateOptions): Promise<Counted> {
  const { firstIndex = 0, chunk: bytes } = options;
  const looks = new Looks(options);
  const looking: Pick<Meter<AnyLoss>, 'update'> = {
    update(logits, targets, at) {
      looks.see(logits as Chunk['logits']);
      meter.update(logits, targets, at);
    },
  };
  const counted = await timed(dataset, async () => {
    const read = await evaluateDataset(dataset, looking, { firstIndex, bytes, onProgress: showProgress });
    return { meter, ...read, jobs: 1 };
  });
  if (looks.warning) warn(looks.warning);
  return counted;
}
