/** The command that gives the same numbers. */
import type { Choices, Job, Part, Role } from './protocol.ts';

/** For a POSIX shell. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

export const DEFAULTS: Choices = {
  loss: 'softmax',
  gamma: 2,
  alpha: '',
  smoothing: 1e-3,
  ignoreIndex: -100,
  classAxis: 1,
  bins: 15,
  confusion: true,
  curves: false,
  target: '',
  scores: '',
  text: '',
};

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
    if (choices.gamma !== DEFAULTS.gamma) option('--gamma', choices.gamma);
    if (choices.alpha.trim() !== '')
      option(
        '--alpha',
        choices.alpha
          .trim()
          .split(/[\s,;]+/)
          .join(','),
      );
    if (choices.loss === 'sigmoid' && choices.smoothing !== DEFAULTS.smoothing)
      option('--smoothing', choices.smoothing);
    if (choices.ignoreIndex !== DEFAULTS.ignoreIndex) option('--ignore-index', choices.ignoreIndex);
    if (choices.classAxis !== DEFAULTS.classAxis) option('--class-axis', choices.classAxis);
    if (choices.bins !== DEFAULTS.bins) option('--bins', choices.bins);
    if (choices.loss === 'softmax' && !choices.confusion) words.push('--no-confusion');
    if (choices.loss === 'softmax' && choices.curves) words.push('--curves');
    if (choices.loss === 'sigmoid' && !choices.curves) words.push('--no-curves');
  }
  for (const { name } of named('names')) option('--names', name);
  for (const { name } of named('texts')) option('--text', name);
  return words.join(' ');
}
