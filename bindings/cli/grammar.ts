/** The commands, their arguments and options. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type LimitKind, type Limits, parseLimits } from '../compare/limits.ts';
import type { Format } from '../files/open.ts';
import { outOfRange } from '../input/errors.ts';
import { plain } from '../report/format.ts';
import { errorLine } from './printable.ts';

/** Replaced by the bundler. */
declare const VERSION: string;

/** Largest number of classes whose confusions are counted unasked: the state has C² counts. */
export const CONFUSION_CLASSES = 1000;
/** The same of groups, each of which has counts of its own. */
export const CONFUSION_CLASSES_OF_GROUPS = 100;

const FORMATS: readonly Format[] = ['npy', 'npz', 'safetensors', 'csv', 'tsv', 'jsonl', 'parquet'];

/** Of bins, ranks and the like: far more than anyone reads, far less than would not fit. */
const LARGEST_COUNT = 1_000_000;
const LARGEST_REPLICATES = 100_000;

/** Where samples come from. */
export interface InputOptions {
  target?: string;
  scores?: string[];
  format?: Format;
  classAxis: '1' | 'last';
  ignoreIndex: number;
  chunk: number;
}

export interface LossOptions {
  loss: 'softmax' | 'sigmoid';
  gamma: number;
  alpha?: string;
  smoothing?: number;
  input: 'logits' | 'probabilities' | 'log-probabilities';
  background?: number;
  labelSmoothing?: number;
  gammaNegative?: number;
  clip?: number;
  divisor?: 'valid' | 'weights' | 'positives' | number;
}

/** What is counted. */
export interface MeterOptions {
  bins: number;
  topK?: number[];
  confusion?: boolean;
  curves?: boolean;
  hardest: number;
}

/** Replicates of the bootstrap, which each state keeps. */
export interface BootstrapOptions {
  bootstrap?: number;
  seed?: number;
}

/** A report for each group of samples. */
export interface GroupOptions {
  groupBy?: string;
  maxGroups?: number;
}

/** What is computed of a state. */
export interface ComputeOptions {
  confidence?: number;
  normalize?: 'true' | 'pred' | 'all';
  /** Of groups. */
  worstBy?: string;
}

/** Where the samples stand among those of all shards, and who counts them. */
export interface RunOptions {
  firstIndex?: number;
  backend: 'auto' | 'scalar';
  jobs?: number;
}

export interface OutputOptions {
  json?: true;
  state?: string;
  report?: string;
  title?: string;
  model?: string;
  names?: string;
  text?: string;
}

/** Limits on an evaluation. */
export interface GateOptions {
  min?: Limits;
  max?: Limits;
}

/** Limits on a comparison. */
export interface DropOptions {
  maxDrop?: Limits;
  decide?: true;
  allowNan?: true;
  markdown?: true;
}

export type EvaluateOptions = InputOptions &
  LossOptions &
  MeterOptions &
  BootstrapOptions &
  GroupOptions &
  ComputeOptions &
  RunOptions &
  OutputOptions &
  GateOptions;
export type MergeOptions = ComputeOptions & OutputOptions & GateOptions & DropOptions;
export type CompareOptions = InputOptions &
  LossOptions &
  MeterOptions &
  BootstrapOptions &
  Pick<ComputeOptions, 'confidence'> &
  RunOptions &
  OutputOptions &
  DropOptions & { flips?: boolean; baseline?: string[]; candidate?: string[] };
export type MapOptions = InputOptions & LossOptions & MeterOptions & BootstrapOptions & GroupOptions;
export type CalibrateOptions = InputOptions & {
  loss: 'softmax' | 'sigmoid';
  input: LossOptions['input'];
  holdout: number;
  bins: number;
  apply?: string;
  jobs?: number;
  json?: true;
};

/** What the commands do. */
export interface Actions {
  evaluate(logits: string, targets: string | undefined, options: EvaluateOptions): Promise<void>;
  compare(
    baseline: string,
    candidate: string | undefined,
    targets: string | undefined,
    options: CompareOptions,
  ): Promise<void>;
  merge(states: string[], options: MergeOptions): Promise<void>;
  map(options: MapOptions): Promise<void>;
  calibrate(logits: string, targets: string | undefined, options: CalibrateOptions): Promise<void>;
  page(options: { output: string }): Promise<void>;
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

const share = (text: string): number => {
  const value = number(text);
  if (value >= 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a number in [0, 1).');
};

const divisor = (text: string): NonNullable<LossOptions['divisor']> => {
  if (text === 'valid' || text === 'weights' || text === 'positives') return text;
  if (Number(text) > 0 && Number(text) < Infinity) return Number(text);
  throw new InvalidArgumentError('Expected valid, weights (softmax), positives (sigmoid) or a number > 0.');
};

const inside = (text: string): number => {
  const value = number(text);
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError('Expected a number in (0, 1).');
};

/** A list, which goes on where the option is given again. */
const integers = (text: string, before: number[] = []): number[] => [
  ...before,
  ...text.split(',').map((part) => integer(1, LARGEST_COUNT)(part)),
];

/** Limits such as accuracy=0.9,class-recall=50%; all of them hold where the option is given again. */
const limits =
  (kind: LimitKind) =>
  (text: string, before: Limits = {}): Limits => {
    try {
      const more = parseLimits(text, kind);
      const twice = Object.keys(more).find((name) => Object.hasOwn(before, name));
      if (twice !== undefined) throw outOfRange(kind, 'each name once', `${twice} twice`);
      return { ...before, ...more };
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** Add options of a kind: what several commands have stands here once. */
const add: Record<string, (command: Command) => Command> = {
  input: (command) =>
    command
      .option('--target <column>', 'of a table: the column of the labels, class indices or names')
      .addOption(
        new Option('--format <name>', 'format of the files (default: what they say themselves)').choices(FORMATS),
      )
      .addOption(
        new Option('--class-axis <axis>', 'which axis of the logits has the classes')
          .choices(['1', 'last'])
          .default('1'),
      )
      .option(
        '--ignore-index <integer>',
        'target that marks a sample to leave out',
        integer(-(2 ** 31) + 1, 2 ** 31 - 1),
        -100,
      )
      .option('--chunk <bytes>', 'logits read at a time', integer(1, 2 ** 30), 1 << 22),
  scores: (command) =>
    command.option(
      '--scores <pattern>',
      "of a table: the columns of the logits, such as 'p_*', what * matches being the class's name; may be given again " +
        '(default: all other columns of numbers)',
      collect,
    ),
  variant: (command) =>
    command.addOption(
      new Option('--loss <name>', 'over all classes, or one-vs-rest')
        .choices(['softmax', 'sigmoid'])
        .default('softmax'),
    ),
  loss: (command) =>
    command
      .option('--gamma <number>', 'focusing parameter, from 0 on', number, 2)
      .option(
        '--alpha <weights>',
        'class weights: numbers separated by commas, a file of them (.npy or text), or auto: by the inverse of the ' +
          'frequency among the targets, mean 1 over the classes that occur (the others, which weigh nothing, get 1); ' +
          'for the sigmoid loss each such weight w becomes w / (1 + w), the odds of true to other then being w. ' +
          'Default: none for softmax, 0.25 for sigmoid',
      )
      .option('--smoothing <number>', 'smoothing of the probability, sigmoid only (default: 0.001)', number)
      .option('--label-smoothing <share>', 'of targets, softmax only: t becomes t·(1 − ε) + ε/C (default: 0)', share)
      .option('--gamma-negative <number>', 'focusing parameter of negatives, sigmoid only (default: --gamma)', number)
      .option('--clip <share>', 'what the probability of negatives is lowered by, sigmoid only (default: 0)', share)
      .option(
        '--background <integer>',
        'label that means none of the classes, sigmoid only (default: none)',
        integer(-(2 ** 31) + 1, 2 ** 31 - 1),
      ),
  scale: (command) =>
    command.addOption(
      new Option('--input <scale>', 'what the numbers given as logits are')
        .choices(['logits', 'probabilities', 'log-probabilities'])
        .default('logits'),
    ),
  divisor: (command) =>
    command.option(
      '--divisor <name>',
      'what the mean loss is divided by: the losses that are not ignored (valid), the class weights of the samples (weights, ' +
        'softmax only), the positives (positives, sigmoid only), or a number (default: valid)',
      divisor,
    ),
  meter: (command) =>
    command
      .option('--bins <count>', 'bins of confidence, for calibration', integer(1, LARGEST_COUNT), 15)
      .option('--top-k <list>', 'ranks for top-k accuracy, softmax only (default: 5)', integers)
      .option(
        '--confusion',
        `count the confusion matrix, softmax only (default: up to ${plain(CONFUSION_CLASSES)} classes, of groups ` +
          `${CONFUSION_CLASSES_OF_GROUPS})`,
      )
      .option('--no-confusion', 'do not: the state is smaller by the square of the classes')
      .option('--curves', 'count the curves of AUROC and average precision (default: for sigmoid)')
      .option('--no-curves', 'do not: the state is smaller')
      .option(
        '--hardest <count>',
        'how many of the samples with the largest loss to list',
        integer(0, LARGEST_COUNT),
        10,
      ),
  bootstrap: (command) =>
    command
      .option(
        '--bootstrap <replicates>',
        'replicates of the Poisson bootstrap, for intervals of F1 and the like: 1000, say (default: none)',
        integer(1, LARGEST_REPLICATES),
      )
      .option('--seed <integer>', 'seed of the bootstrap (default: 0)', integer(0, 2 ** 32 - 1)),
  groups: (command) =>
    command
      .option(
        '--group-by <column>',
        'a report for each group of samples: the column of a table, or a file with the group of each sample, one a line or an ' +
          'array of integers',
      )
      .option('--max-groups <count>', 'most groups that may occur (default: 1000)', integer(1, LARGEST_COUNT)),
  confidence: (command) =>
    command.option('--confidence <share>', 'confidence of the intervals (default: 0.95)', inside),
  compute: (command) =>
    command
      .option(
        '--worst-by <metric>',
        'of groups: the metric by which they are worst for certain, such as macro.f1 with --bootstrap 1000 (default: accuracy)',
      )
      .addOption(
        new Option(
          '--normalize <over>',
          'add the confusions as shares of the target (true), of the prediction (pred) or of all, to the JSON',
        ).choices(['true', 'pred', 'all']),
      ),
  run: (command) =>
    command
      .option(
        '--first-index <integer>',
        'index of the first sample, where the files are a shard of more; --text then has the lines of all shards (default: 0)',
        integer(0, 2 ** 52),
      )
      .addOption(new Option('--backend <name>', 'kernels that answer').choices(['auto', 'scalar']).default('auto')),
  jobs: (command) =>
    command.option('--jobs <count>', 'worker threads (default: the processors, 1 for small files)', integer(1, 1024)),
  gate: (command) =>
    command
      .option(
        '--min <limits>',
        'the least that metrics may be, such as accuracy=0.9,class-recall=50%: exit code 1 where one is less',
        limits('min'),
      )
      .option('--max <limits>', 'the most that metrics may be, such as loss=0.4,ece=5%', limits('max')),
  drop: (command) =>
    command
      .option(
        '--max-drop <limits>',
        'how far metrics may drop (losses, Brier score, ECE: rise), such as accuracy=0.5pp,class-recall=10pp: exit code 1 ' +
          'where one drops further',
        limits('max-drop'),
      )
      .option('--decide', 'hold limits against the 95 % interval: exit code 3 where it covers the limit')
      .option('--allow-nan', 'let samples pass that are not finite in the candidate alone')
      .option('--markdown', 'print a summary in Markdown in the place of the text'),
  output: (command) =>
    command
      .option('--json', 'print one JSON object in the place of the text')
      .option('--state <file>', 'write the state, to be merged with those of other shards')
      .option('--names <file>', "names of the classes: one a line, a JSON array, or a Hugging Face model's config.json")
      .option(
        '--text <file>',
        'texts of the samples, one a line, or the column of the table they are in; shown with the hardest',
      ),
  title: (command) => command.option('--title <text>', 'heading of what is written'),
  report: (command) =>
    command
      .option('--report <file>', 'write one self-contained HTML page with diagrams')
      .option('--model <name>', 'name of the model, shown in the page'),
  debug: (command) => command.option('--debug', 'print the stack of an error, too'),
};

/** For who has written `--json -` or `--markdown -`, where the dash is an argument of its own. */
export function flagHint(): string {
  const flag = process.argv.find((word, i, all) => /^--(json|markdown)$/.test(word) && all[i + 1] === '-');
  return flag ? `; ${flag} takes no file, it prints to standard output` : '';
}

/** What to do about a message of commander's that does not tell, or guesses wrongly. */
function hintOf(message: string): string {
  if (message.startsWith("too many arguments for 'page'")) return '; --output says where the page is written to';
  if (message.startsWith('too many arguments')) return flagHint();
  const [, option] = /^unknown option '--(min|max)'/.exec(message) ?? [];
  if (option === undefined || process.argv[2] !== 'compare') return '';
  return '; the limits of compare are --max-drop, those of evaluate --min and --max';
}

/**
 * @param print takes what --help and --version print
 * @returns the program, which throws a CommanderError where arguments are wrong, having told so on stderr
 */
export function grammar(actions: Actions, print: (text: string) => void): Command {
  const program = new Command('focal-simd')
    .description('Focal loss and the metrics beside it, in one pass over logits of any size.')
    .version(VERSION)
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 a limit broken, 2 input, usage or output, 3 undecided, 70 our own fault, 130 Ctrl-C',
    )
    .configureOutput({
      writeOut: print,
      // commander's messages, some of which have a hint on a line of its own
      outputError: (text, write) => {
        const message = text.replace(/^error: /, '');
        const hint = hintOf(message);
        write(`focal-simd: ${errorLine(hint ? message.replace(/(\.|\n\(Did you mean .*)?\s*$/, hint) : message)}\n`);
      },
    })
    .exitOverride();
  const command = (name: string, description: string, kinds: string) => {
    const one = program.command(name).description(description);
    for (const kind of kinds.split(' ')) add[kind]!(one);
    return one;
  };

  command(
    'evaluate',
    'Evaluate a classifier. The files are streamed: they may be larger than memory.',
    'input scores variant loss scale divisor meter bootstrap groups confidence compute run jobs gate output report title debug',
  )
    .argument(
      '<logits>',
      'array of floats, shape [B, C] or [B, C, D1, …] (.npy, .npz, .safetensors), or a table: --target',
    )
    .argument('[targets]', 'array of class indices, shape [B] or [B, D1, …]')
    .action((logits, targets, options) => actions.evaluate(logits, targets, options));

  command(
    'compare',
    'Compare two classifiers on the same samples: is the candidate still the baseline?',
    'input scores variant loss scale meter bootstrap confidence run jobs drop output report title debug',
  )
    .argument(
      '<baseline>',
      "array of the baseline's logits, or a table: --target, and --scores or --baseline and --candidate",
    )
    .argument(
      '[candidate]',
      "array of the candidate's logits for the same samples; of a table, a table of the same rows",
    )
    .argument('[targets]', 'array of class indices; without it or --target, only how far the two agree is told')
    .option(
      '--baseline <pattern>',
      "of a table with both models, or two with other columns: the baseline's, such as 'a_*'",
      collect,
    )
    .option('--candidate <pattern>', "the candidate's", collect)
    .option(
      '--flips',
      `count which prediction became which, softmax only (default: up to ${plain(CONFUSION_CLASSES)} classes)`,
    )
    .option('--no-flips', 'do not: the state is smaller by the square of the classes')
    .action((baseline, candidate, targets, options) => actions.compare(baseline, candidate, targets, options));

  command(
    'merge',
    'The report of several evaluations or comparisons together, from the states that --state wrote.',
    'confidence compute gate drop output report title debug',
  )
    .argument('<states...>', 'state files; - reads one a line from stdin')
    .action((states, options) => actions.merge(states, options));

  command(
    'map',
    'Evaluate shards: reads one a line from stdin, {"logits": …, "targets": …, "firstIndex": …} or {"table": …, "firstIndex": …}, ' +
      'and writes one state a line, for merge -.',
    'input scores variant loss scale divisor meter bootstrap groups debug',
  ).action((options) => actions.map(options));

  command(
    'calibrate',
    'Fit the temperature that the logits are to be divided by, so that probabilities mean what they say.',
    'input scores variant scale jobs',
  )
    .argument('<logits>', 'as for evaluate')
    .argument('[targets]', 'as for evaluate')
    .option('--holdout <share>', 'share of the samples to measure on, which the fit does not see', share, 0.2)
    .option('--bins <count>', 'bins of the calibration error', integer(1, LARGEST_COUNT), 15)
    .option('--apply <file>', 'write the logits over the temperature, a .npy file of float32')
    .option('--json', 'print one JSON object in the place of the text')
    .option('--debug', 'print the stack of an error, too')
    .action((logits, targets, options) => actions.calibrate(logits, targets, options));

  program
    .command('page')
    .description('Write the page that evaluates dropped files in a browser: one file, which makes no request.')
    .option('--output <file>', 'where to', 'focal.html')
    .action((options) => actions.page(options));

  return program;
}
