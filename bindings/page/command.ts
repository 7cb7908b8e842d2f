/** The command that gives the same numbers. */
import type { Choices, Job, Part, Role } from './protocol.ts';

/** For a POSIX shell. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export const DEFAULTS: Choices = {
  loss: 'softmax',
  gamma: 2,
  alpha: '',
  input: 'logits',
  smoothing: 1e-3,
  gammaNegative: null,
  clip: 0,
  background: null,
  labelSmoothing: 0,
  ignoreIndex: -100,
  classAxis: 1,
  bins: 15,
  confusion: true,
  curves: false,
  target: '',
  scores: '',
  text: '',
  group: '',
  baseline: '',
};

/** Options of the losses, by the flags of the command. */
const FLAGS = {
  gamma: '--gamma',
  smoothing: '--smoothing',
  labelSmoothing: '--label-smoothing',
  gammaNegative: '--gamma-negative',
  clip: '--clip',
  background: '--background',
  ignoreIndex: '--ignore-index',
  input: '--input',
} as const;

/** The options of the loss that are chosen, but for its weights. */
export function lossOptions(choices: Choices) {
  const { loss, gamma, input, ignoreIndex, smoothing, gammaNegative, clip, background, labelSmoothing } = choices;
  const own =
    loss === 'softmax'
      ? { labelSmoothing }
      : {
          smoothing,
          clip,
          ...(gammaNegative !== null && { gammaNegative }),
          ...(background !== null && { background }),
        };
  return { gamma, ...own, ignoreIndex, input };
}

/** Columns by name or pattern, separated by commas. */
export const patternsOf = (text: string): string[] => text.split(',').flatMap((one) => one.trim() || []);

/** Columns of either model, each in a table of its own: those of one alone are those of both. */
export function scoresOf(choices: Choices): { scores: string[]; candidateScores: string[] } {
  const [ours, theirs] = [patternsOf(choices.scores), patternsOf(choices.baseline)];
  return { scores: theirs.length > 0 ? theirs : ours, candidateScores: ours.length > 0 ? ours : theirs };
}

type Given = Pick<Job, 'parts' | 'roles' | 'choices'>;

/** The words of a command, for a shell. */
class Words {
  readonly #words = ['focal-simd'];

  add(...words: readonly (string | number)[]): this {
    for (const word of words) this.#words.push(quoted(String(word)));
    return this;
  }

  toString(): string {
    return this.#words.join(' ');
  }
}

const partsWith = ({ parts, roles }: Given, role: Role): Part[] => parts.filter(({ id }) => roles[id] === role);

/** The command that gives the same evaluation. */
export function commandLine(given: Given): string {
  const { choices } = given;
  const words = new Words();
  const names = (role: Role) => partsWith(given, role).map(({ name }) => name);
  const [logits] = partsWith(given, 'logits');
  if (!logits) {
    words.add('merge', ...names('state'));
  } else {
    words.add('evaluate', logits.name, ...names('targets'));
    if (logits.kind === 'table') {
      words.add('--target', choices.target);
      for (const pattern of patternsOf(choices.scores)) words.add('--scores', pattern);
    }
    addOptions(words, choices);
    if (choices.loss === 'softmax' && !choices.confusion) words.add('--no-confusion');
    addCurves(words, choices);
    if (logits.kind === 'table' && choices.group !== '') words.add('--group-by', choices.group);
    for (const group of names('groups')) words.add('--group-by', group);
  }
  addLabels(words, given);
  return String(words);
}

/** The command that gives the same comparison. */
export function compareLine(given: Given): string {
  const { choices } = given;
  const words = new Words().add('compare');
  const names = (role: Role) => partsWith(given, role).map(({ name }) => name);
  const [logits] = partsWith(given, 'logits');
  if (logits?.kind === 'table' && names('baseline').length > 0) {
    words.add(...names('baseline'), logits.name);
    if (choices.target !== '') words.add('--target', choices.target);
    const { scores, candidateScores } = scoresOf(choices);
    const alike = scores.join() === candidateScores.join();
    for (const pattern of scores) words.add(alike ? '--scores' : '--baseline', pattern);
    if (!alike) for (const pattern of candidateScores) words.add('--candidate', pattern);
  } else if (logits?.kind === 'table') {
    words.add(logits.name);
    if (choices.target !== '') words.add('--target', choices.target);
    for (const pattern of patternsOf(choices.baseline)) words.add('--baseline', pattern);
    for (const pattern of patternsOf(choices.scores)) words.add('--candidate', pattern);
  } else {
    words.add(...names('baseline'), ...names('logits'), ...names('targets'));
  }
  addOptions(words, choices);
  addCurves(words, choices);
  addLabels(words, given);
  return String(words);
}

function addOptions(words: Words, choices: Choices): void {
  if (choices.loss !== DEFAULTS.loss) words.add('--loss', choices.loss);
  for (const [key, value] of Object.entries(lossOptions(choices)) as [keyof typeof FLAGS, number | string][]) {
    if (value !== DEFAULTS[key]) words.add(FLAGS[key], value === 'logProbabilities' ? 'log-probabilities' : value);
  }
  const alpha = choices.alpha.trim();
  if (alpha !== '') words.add('--alpha', alpha.split(/[\s,;]+/).join(','));
  if (choices.classAxis !== DEFAULTS.classAxis) words.add('--class-axis', 'last');
  if (choices.bins !== DEFAULTS.bins) words.add('--bins', choices.bins);
}

/** Curves are counted for the sigmoid loss unless told. */
function addCurves(words: Words, { loss, curves }: Choices): void {
  if (curves !== (loss === 'sigmoid')) words.add(curves ? '--curves' : '--no-curves');
}

function addLabels(words: Words, given: Given): void {
  for (const { name } of partsWith(given, 'names')) words.add('--names', name);
  for (const { name } of partsWith(given, 'texts')) words.add('--text', name);
  const { text } = given.choices;
  if (text !== '' && partsWith(given, 'logits')[0]?.kind === 'table') words.add('--text', text);
}
