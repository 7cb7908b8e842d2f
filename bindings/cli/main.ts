#!/usr/bin/env node
/** The `focal-simd` command: bundled into dist/cli.js. */
import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import * as losses from '../entries/index.ts';
import { FocalMeter } from '../entries/meter.ts';
import * as scalar from '../entries/scalar.ts';
import type { SoftmaxFocalLossOptions } from '../losses/types.ts';
import type { AnyLoss, Meter } from '../meter/meter.ts';
import { type LossName, readAlpha } from './alpha.ts';
import { chunks, countTargets, readShape } from './chunks.ts';
import { describe, type Fact, type Labels, plain } from './format.ts';
import { InputError, opening, refusing } from './input-error.ts';
import { checkTexts, readNames, readTexts } from './lines.ts';
import { FLOATS, INTEGERS, NpyFile } from './npy.ts';
import { formatSummary } from './summary.ts';
import { progressBar } from './terminal.ts';

const simd = { ...losses, FocalMeter };

/** Replaced by the bundler. */
declare const VERSION: string;

/** Largest number of classes for which a report counts confusions unasked: the meter keeps C² counts. */
const CONFUSION_CLASSES = 1000;

/** Of bins, ranks and the like: far more than anyone reads, far less than would not fit. */
const LARGEST_COUNT = 1_000_000;

interface OutputOptions {
  json?: true;
  state?: string;
  report?: string;
  names?: string;
  text?: string;
}

interface EvaluateOptions extends OutputOptions {
  loss: LossName;
  gamma: number;
  alpha?: string;
  smoothing?: number;
  ignoreIndex: number;
  bins: number;
  topK?: number[];
  confusion?: true;
  curves: boolean;
  hardest: number;
  firstIndex: number;
  backend: 'auto' | 'scalar';
  chunk: number;
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

const integer =
  (least: number, most: number) =>
  (text: string): number => {
    const value = number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected an integer in [${least}, ${most}].`);
  };

const integers = (text: string): number[] => text.split(',').map((part) => integer(1, LARGEST_COUNT)(part));

async function evaluate(logitsPath: string, targetsPath: string, options: EvaluateOptions): Promise<void> {
  refuseForeign(options);
  await checkOutputs(options);
  const logits = await NpyFile.open(logitsPath, FLOATS);
  const targets = await NpyFile.open(targetsPath, INTEGERS);
  const shape = readShape(logits, targets);
  const { classes } = shape;
  const samples = shape.batch * shape.positions;
  const names = options.names === undefined ? null : await readNames(options.names, classes);
  if (options.text !== undefined) await checkTexts(options.text, options.firstIndex + samples);

  const api = options.backend === 'scalar' ? scalar : simd;
  const perClass = await countTargets(targets, classes, options.ignoreIndex);
  const loss = await makeLoss(api, options, perClass);
  const meter = makeMeter(api, options, loss, classes);

  const bar = progressBar(samples);
  const start = performance.now();
  let computing = 0;
  for await (const chunk of chunks(logits, targets, shape, options.chunk)) {
    const from = performance.now();
    meter.update(chunk.logits, chunk.targets, { firstIndex: options.firstIndex + chunk.first });
    computing += performance.now() - from;
    bar?.update(chunk.first + chunk.samples);
  }
  const seconds = (performance.now() - start) / 1000;
  bar?.stop();
  await logits.close();
  await targets.close();

  const count = samples * classes;
  await output(meter, names, options, {
    files: [logitsPath, targetsPath],
    backend: api.backend(),
    seconds,
    nsPerLogit: count > 0 ? (computing * 1e6) / count : 0,
  });
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

function makeMeter(api: typeof simd, options: EvaluateOptions, loss: AnyLoss, classes: number): Meter<AnyLoss> {
  const { bins, hardest, topK, curves } = options;
  const common = { classes, bins, hardest, coverage: true };
  const confusion = options.confusion ?? (options.report !== undefined && classes <= CONFUSION_CLASSES);
  const own = options.loss === 'softmax' ? { confusion, ...(topK && { topK }) } : { curves };
  return refusing('options', () => new api.FocalMeter<AnyLoss>(loss, { ...common, ...own }));
}

async function merge(paths: string[], options: OutputOptions): Promise<void> {
  await checkOutputs(options);
  const [first, ...others] = await Promise.all(
    paths.map(async (path) => {
      const text = await opening(path, () => readFile(path, 'utf8'));
      return refusing(path, () => FocalMeter.fromJSON(JSON.parse(text)));
    }),
  );
  const meter = first!;
  for (const [i, other] of others.entries()) refusing(paths[i + 1]!, () => meter.merge(other));
  const names = options.names === undefined ? null : await readNames(options.names, meter.toJSON().config.classes);
  await output(meter, names, options, { files: paths });
}

interface Run {
  readonly files: string[];
  readonly backend?: string;
  readonly seconds?: number;
  /** Time within the library, reading files left out. */
  readonly nsPerLogit?: number;
}

/** Everything that a command gives: state, page, and JSON or text on stdout. */
async function output(meter: Meter<AnyLoss>, names: string[] | null, options: OutputOptions, run: Run): Promise<void> {
  const metrics = meter.compute();
  const indices = (metrics.hardest ?? []).map(({ index }) => index);
  const texts = options.text === undefined ? null : await readTexts(options.text, indices);
  const labels: Labels = { names, texts };
  const state = meter.toJSON();
  const facts: Fact[] = [['files', run.files.join('  ')], ...describe(state.config, metrics)];
  if (run.seconds !== undefined) {
    facts.push(['time', `${run.seconds.toFixed(3)} s, ${run.nsPerLogit!.toFixed(2)} ns per logit, ${run.backend}`]);
  }
  if (options.state !== undefined) await write(options.state, `${JSON.stringify(state)}\n`);
  if (options.report !== undefined) {
    // its libraries take longer to load than most evaluations take
    const { renderReport } = await import('./report.js');
    await write(options.report, renderReport(facts, metrics, labels));
  }
  const { config } = state;
  process.stdout.write(
    options.json ? `${JSON.stringify({ ...run, config, metrics }, null, 2)}\n` : formatSummary(facts, metrics, labels),
  );
}

/** Before hours of work: can the files be written that it is for? */
async function checkOutputs(options: OutputOptions): Promise<void> {
  for (const path of [options.state, options.report]) {
    if (path !== undefined) await opening(path, () => access(dirname(path), constants.W_OK));
  }
}

const write = (path: string, content: string) => opening(path, () => writeFile(path, content));

function outputOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON object in the place of the text')
    .option('--state <file>', 'write the state, to be merged with those of other shards')
    .option('--report <file>', 'write one self-contained HTML page with diagrams')
    .option('--names <file>', 'names of the classes, one a line')
    .option('--text <file>', 'texts of the samples, one a line, shown with the hardest');
}

/** Commander's messages, some of which have a hint on a line of its own. */
const oneLine = (text: string) =>
  text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s+/g, ' ');

const program = new Command('focal-simd')
  .description('Focal loss and the metrics beside it, in one pass over logits of any size.')
  .version(VERSION)
  .configureOutput({
    outputError: (text, write) =>
      write(`focal-simd: ${oneLine(text)}
`),
  })
  .exitOverride();

outputOptions(
  program
    .command('evaluate')
    .description('Evaluate a classifier. The files are streamed: they may be larger than memory.')
    .argument('<logits>', '.npy file of float16, float32 or float64, shape [B, C] or [B, C, D1, …]')
    .argument('<targets>', '.npy file of integers, shape [B] or [B, D1, …]')
    .addOption(
      new Option('--loss <name>', 'over all classes, or one-vs-rest')
        .choices(['softmax', 'sigmoid'])
        .default('softmax'),
    )
    .option('--gamma <number>', 'focusing parameter, from 0 on', number, 2)
    .option(
      '--alpha <weights>',
      'class weights: numbers separated by commas, a file of them (.npy or text), or auto: by the inverse of the ' +
        'frequency among the targets, mean 1 over the classes that occur (the others, which weigh nothing, get 1); ' +
        'for the sigmoid loss each such weight w becomes w / (1 + w), the odds of true to other then being w. ' +
        'Default: none for softmax, 0.25 for sigmoid',
    )
    .option('--smoothing <number>', 'smoothing of the probability, sigmoid only (default: 0.001)', number)
    .option(
      '--ignore-index <integer>',
      'target that marks a sample to leave out',
      integer(-(2 ** 31) + 1, 2 ** 31 - 1),
      -100,
    )
    .option('--bins <count>', 'bins of confidence, for calibration', integer(1, LARGEST_COUNT), 15)
    .option('--top-k <list>', 'ranks for top-k accuracy, softmax only (default: 5)', integers)
    .option(
      '--confusion',
      `keep the confusion matrix, softmax only (with --report it is kept up to ${plain(CONFUSION_CLASSES)} classes)`,
    )
    .option('--no-curves', 'keep no curves: no AUROC, no average precision (sigmoid)')
    .option('--hardest <count>', 'how many of the samples with the largest loss to list', integer(0, LARGEST_COUNT), 10)
    .option(
      '--first-index <integer>',
      'index of the first sample, where the files are a shard of more',
      integer(0, 2 ** 52),
      0,
    )
    .addOption(new Option('--backend <name>', 'kernels that answer').choices(['auto', 'scalar']).default('auto'))
    .option('--chunk <bytes>', 'logits read at a time', integer(1, 2 ** 30), 1 << 22),
).action(evaluate);

outputOptions(
  program
    .command('merge')
    .description('The report of several evaluations together, from the states that evaluate --state wrote.')
    .argument('<states...>', 'state files'),
).action(merge);

// the reader of a pipe may have seen enough, as `head` has
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has written its line; --help and --version come this way too, with 0
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof InputError) {
    process.stderr.write(`focal-simd: ${error.message}\n`);
    process.exitCode = 2;
  } else {
    throw error;
  }
}
