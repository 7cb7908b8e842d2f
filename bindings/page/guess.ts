/** Which array is what, by shape, type and name. A person can correct it. */
import type { Choices, Part, Role } from './protocol.ts';

const size = (shape: readonly number[]): number => shape.reduce((product, d) => product * d, 1);
const same = (a: readonly unknown[], b: readonly unknown[]): boolean => a.join() === b.join();

const TARGETS = /target|label|truth|(^|[^a-z])(y|gt)([^a-z]|$)/i;
const LOGARITHMS = /log[^a-z]?_?prob|logp([^a-z]|$)|log_?softmax/i;
const PROBABILITIES = /prob|softmax|sigmoid(?!.*logit)/i;
const BASELINE = /base|ref|teacher|old|before|float32|fp32|[^a-z]a\./i;
const CANDIDATE = /cand|quant|int8|q4|q8|fp16|float16|half|new|after|student|onnx|webgpu|[^a-z]b\./i;
/** Columns of one target a class. */
const MULTI_HOT = /^((?:y|gt|label|target|truth)s?[_.:-])./i;
const SHARES = /one[-_]?hot|soft|mixup|distill/i;
const LOGITS = /logit|score|pred|output/i;
const GROUPS = /group|slice|segment|domain|lang|site|source|customer|cohort/i;

/** The shape that targets of these logits have, by where the classes are. */
const targetShape = (logits: readonly number[], classAxis: 1 | -1): number[] =>
  classAxis === 1 ? [logits[0]!, ...logits.slice(2)] : logits.slice(0, -1);

const fits = (part: Part, logits: Part): 1 | -1 | null => {
  if (logits.shape.length < 2) return null;
  for (const axis of [1, -1] as const) if (same(part.shape, targetShape(logits.shape, axis))) return axis;
  return null;
};

/** The model and the one that it is held against, where there are two, by their names. */
function sidesOf(models: readonly Part[]): { logits: Part | undefined; baseline: Part | undefined } {
  const two = models.length > 1 ? models : [];
  const known = two.find(({ name }) => BASELINE.test(name)) ?? two.find(({ name }) => !CANDIDATE.test(name));
  const baseline = known ?? two[0];
  return { logits: models.find((part) => part !== baseline), baseline };
}

/** Columns of numbers that may be scores, which two tables of the same classes have alike. */
const scoreColumns = ({ columns = [] }: Part): string[] =>
  columns.flatMap(({ name, kind }) => (kind === 'number' && !TARGETS.test(name) ? [name] : [])).sort();

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

  const tables = parts.filter(({ kind }) => kind === 'table');
  const sides = sidesOf(tables);
  const two = sides.baseline && same(scoreColumns(sides.baseline), scoreColumns(sides.logits!));
  const table = two ? sides.logits : tables[0];
  if (table) {
    if (two) roles[sides.baseline!.id] = 'baseline';
    roles[table.id] = 'logits';
    const columns = table.columns ?? [];
    const all = [...columns, ...((two && sides.baseline!.columns) || [])];
    const target = all.find(({ name }) => TARGETS.test(name)) ?? columns.find(({ kind }) => kind !== 'number');
    const multiHot = columns.filter(({ name, kind }) => kind === 'number' && MULTI_HOT.test(name));
    const prefix = MULTI_HOT.exec(multiHot[0]?.name ?? '')?.[1];
    choices.target = multiHot.length > 1 && prefix ? `${prefix}*` : (target?.name ?? columns.at(-1)?.name ?? '');
    const several = choices.target.endsWith('*') || target?.kind === 'list';
    if (several) Object.assign(choices, { loss: 'sigmoid', curves: true });
    const texts = columns.filter(({ name, kind }) => kind === 'text' && name !== choices.target);
    const text = texts.find(({ name }) => /text|sentence|content|title/i.test(name));
    choices.text = text?.name ?? '';
    const free = columns.filter(({ name }) => name !== choices.target && name !== choices.text);
    choices.group = free.find(({ name, kind }) => kind !== 'number' && GROUPS.test(name))?.name ?? '';
    return { roles, choices };
  }

  const arrays = parts.filter(({ kind }) => kind === 'floats' || kind === 'integers');
  const floats = arrays.filter(
    ({ kind, shape, name }) => kind === 'floats' && shape.length >= 1 && !TARGETS.test(name),
  );
  const largest = floats.reduce((most, { shape }) => Math.max(most, size(shape)), 0);
  const all = floats.filter(({ shape }) => size(shape) === largest);
  // of several arrays of one size, one alone may say that it is logits
  const said = all.filter(({ name }) => LOGITS.test(name));
  const candidates = said.length === 1 && !all.some(({ name }) => BASELINE.test(name)) ? said : all;
  const { logits, baseline } = sidesOf(candidates);
  if (!logits) return { roles, choices };
  roles[logits.id] = 'logits';
  choices.input = scaleOf(logits.name);
  if (baseline && same(baseline.shape, logits.shape)) roles[baseline.id] = 'baseline';

  const left = arrays.filter(({ id }) => roles[id] === 'unused');
  const possible = left.filter((part) => same(part.shape, logits.shape) || fits(part, logits) !== null);
  const others = possible.filter(({ name }) => !GROUPS.test(name));
  // what does not fit is tell-tale, too: the reader says why
  const integers = left.filter(({ kind }) => kind === 'integers');
  const misfit = integers.find(({ name }) => TARGETS.test(name)) ?? (integers.length === 1 ? integers[0] : undefined);
  const targets = possible.find(({ name }) => TARGETS.test(name)) ?? others[0] ?? misfit;
  if (targets) {
    roles[targets.id] = 'targets';
    const dense = same(targets.shape, logits.shape) && logits.shape.length === targets.shape.length;
    choices.classAxis = fits(targets, logits) ?? 1;
    // of targets in the shape of the logits, those that are shares of one whole say so
    const several = dense && !SHARES.test(targets.name);
    choices.loss = several || logits.shape[1] === 1 || logits.shape.length === 1 ? 'sigmoid' : 'softmax';
  }

  const groups = left.find((part) => part !== targets && GROUPS.test(part.name) && fits(part, logits) !== null);
  if (groups) roles[groups.id] = 'groups';

  // one logit a sample may come without an axis of classes
  const axis = choices.classAxis === -1 ? logits.shape.length - 1 : 1;
  const classes = logits.shape.length === 1 ? 1 : logits.shape[axis]!;
  const samples = size(logits.shape) / classes;
  // one threshold decides everything then, so its curves are what one looks at
  choices.curves = choices.loss === 'sigmoid' || classes <= 2;
  for (const part of parts.filter(({ kind }) => kind === 'lines')) {
    const [lines] = part.shape;
    const taken = Object.values(roles);
    if (lines! >= samples && GROUPS.test(part.name) && !taken.includes('groups')) roles[part.id] = 'groups';
    else if (lines === classes && !taken.includes('names')) roles[part.id] = 'names';
    else if (lines! >= samples && !taken.includes('texts')) roles[part.id] = 'texts';
  }
  return { roles, choices };
}
