/** `focal-simd evaluate`. */
import * as losses from '../entries/index.ts';
import { FocalMeter } from '../entries/meter.ts';
import * as scalar from '../entries/scalar.ts';
import type { Chunk, Dataset } from '../files/dataset.ts';
import { countTargets, evaluateDataset } from '../files/evaluate.ts';
import { openDataset } from '../files/node/api.ts';
import type { SoftmaxFocalLossOptions } from '../losses/types.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { readAlpha } from './alpha.ts';
import { InputError, refusing, warn } from './errors.ts';
import { CONFUSION_CLASSES, type EvaluateOptions } from './grammar.ts';
import { checkNames, checkTexts, readNames } from './lines.ts';
import { Looks } from './looks.ts';
import { prepareOutputs } from './outputs.ts';
import { give, type Run } from './result.ts';
import { showProgress, startProgress, stopProgress } from './terminal.ts';

/** Fewer logits tell more of the start than of the work. */
const WORTH_TIMING = 1_000_000;

const simd = { ...losses, FocalMeter };

export async function evaluate(logits: string, targets: string, options: EvaluateOptions): Promise<number> {
  refuseForeign(options);
  const { state, report, names: namesPath, text, alpha, firstIndex = 0, ignoreIndex } = options;
  const asked = { '--state': state, '--report': report };
  const outputs = await prepareOutputs(asked, [logits, targets, namesPath, text, alpha]);
  const names = namesPath === undefined ? null : await readNames(namesPath);
  const dataset = await openDataset({ logits, targets }, { ignoreIndex });
  try {
    const { classes, samples } = dataset;
    if (names) checkNames(namesPath!, names, classes);
    if (text !== undefined && samples !== null) {
      await checkTexts(text, { samples: firstIndex + samples, atLeast: options.firstIndex !== undefined });
    }
    const api = options.backend === 'scalar' ? scalar : simd;
    // a bad label is told before hours of work
    const perClass = await countTargets(dataset, { ignoreIndex });
    const loss = await makeLoss(api, options, perClass);
    const meter = makeMeter(api, options, loss, classes);
    warmUp(api, loss, classes);
    const timing = await count(meter, dataset, options);
    const run = { files: dataset.files, backend: api.backend(), ...timing };
    return await give(meter, names ?? dataset.names, options, outputs, run);
  } finally {
    await dataset.close();
  }
}

async function count(meter: Meter<AnyLoss>, dataset: Dataset, options: EvaluateOptions): Promise<Partial<Run>> {
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
    const read = await evaluateDataset(dataset, looking, { firstIndex, bytes, onProgress: showProgress });
    if (looks.warning) warn(looks.warning);
    const logits = read.samples * dataset.classes;
    return {
      seconds: (performance.now() - start) / 1000,
      nsPerLogit: logits >= WORTH_TIMING ? (read.computing * 1e6) / logits : null,
    };
  } finally {
    stopProgress();
  }
}

/** Options that only one of the losses has. */
const OWN = { softmax: ['topK', 'confusion'], sigmoid: ['smoothing'] } as const;

function refuseForeign(options: EvaluateOptions): void {
  const other = options.loss === 'softmax' ? 'sigmoid' : 'softmax';
  for (const key of OWN[other]) {
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (options[key] !== undefined) throw new InputError(`${flag} goes with --loss ${other} alone`);
  }
}

async function makeLoss(api: typeof simd, options: EvaluateOptions, perClass: Float64Array): Promise<AnyLoss> {
  const { loss, gamma, ignoreIndex, smoothing } = options;
  const alpha = options.alpha === undefined ? undefined : await readAlpha(options.alpha, loss, perClass);
  const given = { gamma, ignoreIndex, ...(alpha !== undefined && { alpha }) };
  return refusing('options', () => {
    if (loss === 'sigmoid')
      return new api.SigmoidFocalLoss({ ...given, ...(smoothing !== undefined && { smoothing }) });
    return new api.SoftmaxFocalLoss(given as SoftmaxFocalLossOptions);
  });
}

/** What is counted depends on the options and the number of classes, never on what is written: states of shards go together. */
function makeMeter(api: typeof simd, options: EvaluateOptions, loss: AnyLoss, classes: number): Meter<AnyLoss> {
  const { loss: name, bins, hardest, topK } = options;
  const confusion = options.confusion ?? classes <= CONFUSION_CLASSES;
  const curves = options.curves ?? name === 'sigmoid';
  const common = { classes, bins, hardest, coverage: true, ...(curves && { curves }) };
  const own = name === 'softmax' ? { confusion, ...(topK && { topK }) } : {};
  return refusing('options', () => new api.FocalMeter<AnyLoss>(loss, { ...common, ...own }));
}

/** Have the kernels compiled before the clock starts. */
function warmUp(api: typeof simd, loss: AnyLoss, classes: number): void {
  const one = new api.FocalMeter<AnyLoss>(loss, { classes });
  one.update(new Float32Array(classes), [0]);
}
