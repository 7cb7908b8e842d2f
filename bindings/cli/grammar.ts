/** The commands, their arguments and options. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { plain } from '../report/format.ts';
import { errorLine } from './printable.ts';

/** Replaced by the bundler. */
declare const VERSION: string;

/** Largest number of classes whose confusions are counted unasked: the state has C² counts. */
export const CONFUSION_CLASSES = 1000;

/** Of bins, ranks and the like: far more than anyone reads, far less than would not fit. */
const LARGEST_COUNT = 1_000_000;

export interface OutputOptions {
  json?: true;
  state?: string;
  report?: string;
  names?: string;
  text?: string;
}

export interface EvaluateOptions extends OutputOptions {
  loss: 'softmax' | 'sigmoid';
  gamma: number;
  alpha?: string;
  smoothing?: number;
  ignoreIndex: number;
  bins: number;
  topK?: number[];
  confusion?: boolean;
  curves?: boolean;
  hardest: number;
  firstIndex?: number;
  backend: 'auto' | 'scalar';
  chunk: number;
}

export interface CalibrateOptions {
  loss: 'softmax' | 'sigmoid';
  holdout: number;
  ignoreIndex: number;
  bins: number;
  apply?: string;
  json?: true;
  chunk: number;
}

/** What the commands do. */
export interface Actions {
  evaluate(logits: string, targets: string, options: EvaluateOptions): Promise<void>;
  merge(states: string[], options: OutputOptions): Promise<void>;
  calibrate(logits: string, targets: string, options: CalibrateOptions): Promise<void>;
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

const integers = (text: string): number[] => text.split(',').map((part) => integer(1, LARGEST_COUNT)(part));

/** What every command that gives a report has. */
function outputOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON object in the place of the text')
    .option('--state <file>', 'write the state, to be merged with those of other shards')
    .option('--report <file>', 'write one self-contained HTML page with diagrams')
    .option('--names <file>', "names of the classes: one a line, a JSON array, or a Hugging Face model's config.json")
    .option('--text <file>', 'texts of the samples, one a line, shown with the hardest')
    .addOption(DEBUG);
}

/** Where samples come from. */
function inputArguments(command: Command): Command {
  return command
    .argument('<logits>', '.npy file of floats, shape [B, C] or [B, C, D1, …]')
    .argument('<targets>', '.npy file of class indices, shape [B] or [B, D1, …]')
    .option(
      '--ignore-index <integer>',
      'target that marks a sample to leave out',
      integer(-(2 ** 31) + 1, 2 ** 31 - 1),
      -100,
    )
    .option('--chunk <bytes>', 'logits read at a time', integer(1, 2 ** 30), 1 << 22);
}

const LOSS = new Option('--loss <name>', 'over all classes, or one-vs-rest')
  .choices(['softmax', 'sigmoid'])
  .default('softmax');

const DEBUG = new Option('--debug', 'print the stack of an error, too');

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
      outputError: (text, write) => write(`focal-simd: ${errorLine(text.replace(/^error: /, ''))}\n`),
    })
    .exitOverride();

  const evaluate = inputArguments(
    program
      .command('evaluate')
      .description('Evaluate a classifier. The files are streamed: they may be larger than memory.'),
  );
  outputOptions(
    evaluate
      .addOption(LOSS)
      .option('--gamma <number>', 'focusing parameter, from 0 on', number, 2)
      .option(
        '--alpha <weights>',
        'class weights: numbers separated by commas, a file of them (.npy or text), or auto: by the inverse of the ' +
          'frequency among the targets, mean 1 over the classes that occur (the others, which weigh nothing, get 1); ' +
          'for the sigmoid loss each such weight w becomes w / (1 + w), the odds of true to other then being w. ' +
          'Default: none for softmax, 0.25 for sigmoid',
      )
      .option('--smoothing <number>', 'smoothing of the probability, sigmoid only (default: 0.001)', number)
      .option('--bins <count>', 'bins of confidence, for calibration', integer(1, LARGEST_COUNT), 15)
      .option('--top-k <list>', 'ranks for top-k accuracy, softmax only (default: 5)', integers)
      .option(
        '--confusion',
        `count the confusion matrix, softmax only (default: up to ${plain(CONFUSION_CLASSES)} classes)`,
      )
      .option('--no-confusion', 'do not: the state is smaller by the square of the classes')
      .option('--curves', 'count the curves of AUROC and average precision (default: for sigmoid)')
      .option('--no-curves', 'do not: the state is smaller')
      .option(
        '--hardest <count>',
        'how many of the samples with the largest loss to list',
        integer(0, LARGEST_COUNT),
        10,
      )
      .option(
        '--first-index <integer>',
        'index of the first sample, where the files are a shard of more; --text then has the lines of all shards (default: 0)',
        integer(0, 2 ** 52),
      )
      .addOption(new Option('--backend <name>', 'kernels that answer').choices(['auto', 'scalar']).default('auto')),
  ).action((logits, targets, options) => actions.evaluate(logits, targets, options));

  outputOptions(
    program
      .command('merge')
      .description('The report of several evaluations together, from the states that evaluate --state wrote.')
      .argument('<states...>', 'state files; - reads one a line from stdin'),
  ).action((states, options) => actions.merge(states, options));

  inputArguments(
    program
      .command('calibrate')
      .description(
        'Fit the temperature that the logits are to be divided by, so that probabilities mean what they say.',
      ),
  )
    .addOption(LOSS)
    .option('--holdout <share>', 'share of the samples to measure on, which the fit does not see', share, 0.2)
    .option('--bins <count>', 'bins of the calibration error', integer(1, LARGEST_COUNT), 15)
    .option('--apply <file>', 'write the logits over the temperature, a .npy file of float32')
    .option('--json', 'print one JSON object in the place of the text')
    .addOption(DEBUG)
    .action((logits, targets, options) => actions.calibrate(logits, targets, options));

  return program;
}
