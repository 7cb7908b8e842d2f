/** `focal-simd evaluate`. */
import type { Chunk, Dataset } from '../files/dataset.ts';
import { countTargets, evaluateDataset } from '../files/evaluate.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { InputError, refused, warn } from './errors.ts';
import { evaluation } from './evaluation.ts';
import type { EvaluateOptions } from './grammar.ts';
import { checkTexts } from './lines.ts';
import { Looks } from './looks.ts';
import { libraryOf, makeLoss, makeMeter, refuseForeign, warmUp } from './model.ts';
import { prepareOutputs } from './outputs.ts';
import { give } from './result.ts';
import { fileOf, filesOf, openSamples, STDIN } from './samples.ts';
import { showProgress, startProgress, stopProgress } from './terminal.ts';

/** Fewer logits tell more of the start than of the work. */
const WORTH_TIMING = 1_000_000;

export async function evaluate(logits: string, targets: string | undefined, options: EvaluateOptions): Promise<number> {
  refuseForeign(options);
  const { state, report, names, text, alpha, ignoreIndex } = options;
  const files = filesOf(logits, targets, options);
  const outputs = await prepareOutputs({ '--state': state, '--report': report }, [
    fileOf(logits),
    fileOf(targets),
    names,
    text,
    alpha,
  ]);
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
    const perClass = look ? await countTargets(dataset, { ignoreIndex }) : null;
    const loss = await makeLoss(api, options, perClass);
    const meter = makeMeter(api, loss, options, classes);
    warmUp(api, loss, classes);
    const run = await count(meter, dataset, options);
    if (samples === null) await checkText(run.samples);
    const facts = { files: dataset.files, backend: api.backend(), ...run };
    return await give(await evaluation(meter, dataset.names, options, facts), options, outputs);
  } finally {
    await dataset.close();
  }
}

async function count(meter: Meter<AnyLoss>, dataset: Dataset, options: EvaluateOptions) {
  const { firstIndex = 0, chunk: bytes } = options;
  const looks = new Looks(options.loss);
  const looking: Pick<Meter<AnyLoss>, 'update'> = {
    update(logits, targets, at) {
      looks.see(logits as Chunk['logits']);
      meter.update(logits, targets, at);
    },
  };
  const start = performance.now();
  startProgress(dataset.samples);
  try {
    const { samples, missing, computing } = await refused('samples', () =>
      evaluateDataset(dataset, looking, { firstIndex, bytes, onProgress: showProgress }),
    );
    if (looks.warning) warn(looks.warning);
    const logits = samples * dataset.classes;
    return {
      samples,
      unlabelled: missing,
      seconds: (performance.now() - start) / 1000,
      nsPerLogit: logits >= WORTH_TIMING ? (computing * 1e6) / logits : null,
    };
  } finally {
    stopProgress();
  }
}
