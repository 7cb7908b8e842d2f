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

export function commandLine({ parts, roles, choices }: Pick<Job, 'parts' | 'roles' | 'choices'>): string {
  const named = (role: Role): Part[] => parts.filter(({ id }) => roles[id] === role);
  const words: string[] = ['focal-simd'];
  const [logits] = named('logits');
  const file = ({ name }: Part) => words.push(quoted(name));
  const option = (flag: string, value: string | number) => words.push(flag, quoted(String(value)));
  if (!logits) {
    words.push('merge');
    named('state').forEach(file);
  } else {
    words.push('evaluate');
    [logits, ...named('targets')].forEach(file);
    if (logits.kind === 'table') {
      option('--target', choices.target);
      if (choices.scores !== '') option('--scores', choices.scores);
      if (choices.text !== '') option('--text', choices.text);
    }
    if (choices.loss !== DEFAULTS.loss) option('--loss', choices.loss);
    for (const [key, value] of Object.entries(lossOptions(choices)) as [keyof typeof FLAGS, number | string][]) {
      if (value !== DEFAULTS[key]) option(FLAGS[key], value === 'logProbabilities' ? 'log-probabilities' : value);
    }
    if (choices.alpha.trim() !== '')
      option(
        '--alpha',
        choices.alpha
          .trim()
          .split(/[\s,;]+/)
          .join(','),
      );
    if (choices.classAxis !== DEFAULTS.classAxis) option('--class-axis', 'last');
    if (choices.bins !== DEFAULTS.bins) option('--bins', choices.bins);
    if (choices.loss === 'softmax' && !choices.confusion) words.push('--no-confusion');
    if (choices.loss === 'softmax' && choices.curves) words.push('--curves');
    if (choices.loss === 'sigmoid' && !choices.curves) words.push('--no-curves');
  }
  for (const { name } of named('names')) option('--names', name);
  for (const { name } of named('texts')) option('--text', name);
  return words.join(' ');
}
