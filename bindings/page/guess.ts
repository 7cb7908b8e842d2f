/** Which array is what, by shape, type and name. A person can correct it. */
import type { Choices, Part, Role } from './protocol.ts';

const size = (shape: readonly number[]): number => shape.reduce((product, d) => product * d, 1);
const same = (a: readonly number[], b: readonly number[]): boolean => a.join() === b.join();

const TARGETS = /target|label|truth|(^|[^a-z])(y|gt)([^a-z]|$)/i;
const LOGARITHMS = /log[^a-z]?_?prob|logp([^a-z]|$)|log_?softmax/i;
const PROBABILITIES = /prob|softmax|sigmoid(?!.*logit)/i;
const BASELINE = /base|ref|teacher|old|before|float32|fp32|[^a-z]a\./i;

/** The shape that targets of these logits have, by where the classes are. */
const targetShape = (logits: readonly number[], classAxis: 1 | -1): number[] =>
  classAxis === 1 ? [logits[0]!, ...logits.slice(2)] : logits.slice(0, -1);

const fits = (part: Part, logits: Part): 1 | -1 | null => {
  if (logits.shape.length < 2) return null;
  for (const axis of [1, -1] as const) if (same(part.shape, targetShape(logits.shape, axis))) return axis;
  return null;
};

export interface Guess {
  readonly roles: Record<string, Role>;
  readonly choices: Partial<Choices>;
}

/** What the numbers of an array are, by its name. */
const scaleOf = (name: string): Choices['input'] =>
  LOGARITHMS.test(name) ? 'logProbabilities' : PROBABILITIES.test(name) ? 'probabilities' : 'logits';

/** A part for each role, where one can be told. */
export function guess(parts: readonly Part[]): Guess {
  const roles: Record<string, Role> = Object.fromEntries(parts.map(({ id }) => [id, 'unused']));
  const choices: { -readonly [K in keyof Choices]?: Choices[K] } = {};
  for (const { id, kind } of parts) if (kind === 'state') roles[id] = 'state';

  const table = parts.find(({ kind }) => kind === 'table');
  if (table) {
    roles[table.id] = 'logits';
    const columns = table.columns ?? [];
    const target = columns.find(({ name }) => TARGETS.test(name)) ?? columns.find(({ kind }) => kind !== 'number');
    choices.target = target?.name ?? columns.at(-1)?.name ?? '';
    const texts = columns.filter(({ name, kind }) => kind === 'text' && name !== choices.target);
    const text = texts.find(({ name }) => /text|sentence|content|title/i.test(name));
    choices.text = text?.name ?? '';
    return { roles, choices };
  }

  const arrays = parts.filter(({ kind }) => kind === 'floats' || kind === 'integers');
  const floats = arrays.filter(
    ({ kind, shape, name }) => kind === 'floats' && shape.length >= 2 && !TARGETS.test(name),
  );
  const largest = floats.reduce((most, { shape }) => Math.max(most, size(shape)), 0);
  const candidates = floats.filter(({ shape }) => size(shape) === largest);
  const baseline =
    candidates.length > 1 ? (candidates.find(({ name }) => BASELINE.test(name)) ?? candidates[1]) : undefined;
  const logits = candidates.find((part) => part !== baseline);
  if (!logits) return { roles, choices };
  roles[logits.id] = 'logits';
  choices.input = scaleOf(logits.name);
  if (baseline && same(baseline.shape, logits.shape)) roles[baseline.id] = 'baseline';

  const left = arrays.filter(({ id }) => roles[id] === 'unused');
  const possible = left.filter((part) => same(part.shape, logits.shape) || fits(part, logits) !== null);
  const targets = possible.find(({ name }) => TARGETS.test(name)) ?? possible[0];
  if (targets) {
    roles[targets.id] = 'targets';
    const dense = same(targets.shape, logits.shape) && logits.shape.length === targets.shape.length;
    choices.classAxis = fits(targets, logits) ?? 1;
    choices.loss = dense || logits.shape[1] === 1 ? 'sigmoid' : 'softmax';
  }

  const classes = choices.classAxis === -1 ? logits.shape.at(-1)! : logits.shape[1]!;
  const samples = size(logits.shape) / classes;
  // one threshold decides everything then, so its curves are what one looks at
  choices.curves = choices.loss === 'sigmoid' || classes <= 2;
  for (const part of parts.filter(({ kind }) => kind === 'lines')) {
    const [lines] = part.shape;
    const taken = Object.values(roles);
    if (lines === classes && !taken.includes('names')) roles[part.id] = 'names';
    else if (lines! >= samples && !taken.includes('texts')) roles[part.id] = 'texts';
  }
  return { roles, choices };
}
