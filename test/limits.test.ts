import { describe, expect, test } from 'vitest';
import { judge, judgeReport } from '../bindings/compare/judge.ts';
import { parseLimits } from '../bindings/compare/limits.ts';
import { markdown } from '../bindings/compare/markdown.ts';
import type { AnyLoss } from '../bindings/meter/meter.ts';
import { backends } from './backends.ts';

const { FocalComparison, FocalMeter, SoftmaxFocalLoss, SigmoidFocalLoss } = (backends[0] as (typeof backends)[0]).api;

/** Samples of two classes, as [class, baseline right, candidate right, how many]. */
type Group = readonly [y: 0 | 1, before: boolean, after: boolean, n: number];
function compare(groups: readonly Group[], loss: AnyLoss = new SoftmaxFocalLoss()) {
  const comparison = new FocalComparison<AnyLoss>(loss, { classes: 2 });
  for (const [y, before, after, n] of groups) {
    const rows = (right: boolean) => Float32Array.from({ length: 2 * n }, (_, i) => ((i % 2 === y) === right ? 1 : -1));
    comparison.update(rows(before), rows(after), new Int32Array(n).fill(y));
  }
  return comparison;
}

/** Accuracy 90 % → 89.5 %: class 0 from 900 to 899 of 1000, class 1 from 90 to 85 of 100. */
const usual = compare([
  [0, true, true, 898],
  [0, true, false, 2],
  [0, false, true, 1],
  [0, false, false, 99],
  [1, true, true, 85],
  [1, true, false, 5],
  [1, false, false, 10],
]).compute();

test.each([
  ['accuracy=0.5pp', 'max-drop', { accuracy: 0.005 }],
  [' recall=2pp , class-recall=10pp,top5=1pp', 'max-drop', { recall: 0.02, 'class-recall': 0.1, top5: 0.01 }],
  ['loss=0.01,ece=2pp,agreement=0', 'max-drop', { loss: 0.01, ece: 0.02, agreement: 0 }],
  ['accuracy=0.9,class-recall=50%', 'min', { accuracy: 0.9, 'class-recall': 0.5 }],
  ['loss=0.4,ece=5%', 'max', { loss: 0.4, ece: 0.05 }],
  ['macro.f1=1pp,crossEntropy=0.1', 'max-drop', { 'macro.f1': 0.01, crossEntropy: 0.1 }],
  ['weighted.precision=50%,averagePrecision=0.5', 'min', { 'weighted.precision': 0.5, averagePrecision: 0.5 }],
] as const)('reads %j as %s', (text, kind, limits) => {
  expect(parseLimits(text, kind)).toEqual(limits);
});

test.each([
  ['', 'max-drop', 'max-drop expected limits as accuracy=0.5pp,loss=0.01, got ""'],
  ['accuracy', 'max-drop', 'max-drop expected limits as'],
  ['accuracy=x', 'max-drop', 'max-drop expected limits as'],
  ['accuracy=1e', 'max-drop', 'max-drop expected limits as'],
  ['accuracy=0.5pp,', 'max-drop', 'max-drop expected limits as'],
  ['acuracy=0.5pp', 'max-drop', 'max-drop expected one of accuracy, recall'],
  ['toString=1', 'max-drop', 'max-drop expected one of accuracy'],
  ['accuracy=5%', 'max-drop', 'max-drop expected percentage points, as 0.5pp, got "accuracy=5%"'],
  ['accuracy=0.5', 'max-drop', 'max-drop expected percentage points for accuracy, as 0.5pp, got "accuracy=0.5"'],
  ['accuracy=5', 'min', 'min accuracy expected a share in [0, 1], or one in pp or %, got 5'],
  ['accuracy=-1pp', 'max-drop', 'max-drop accuracy expected a finite number ≥ 0, got -0.01'],
  ['loss=1pp', 'max-drop', 'max-drop expected a number without unit for loss'],
  ['accuracy=1pp,accuracy=2pp', 'max-drop', 'max-drop expected each name once, got accuracy twice'],
  ['accuracy=1pp', 'min', 'min expected a share, as 0.9 or 90%'],
  ['agreement=0.9', 'min', 'min expected one of accuracy'],
  ['macro.precision=1pp', 'max-drop', 'max-drop expected one of accuracy'],
  ['kappa=1', 'max-drop', 'max-drop expected one of accuracy'],
  ['kappa=1%', 'min', 'min expected a number without unit for kappa'],
  ['macro.toString=1', 'min', 'or a mean over the classes as macro.precision, got "macro.toString=1"'],
] as const)('refuses %j as %s', (text, kind, message) => {
  expect(() => parseLimits(text, kind)).toThrow(RangeError);
  expect(() => parseLimits(text, kind)).toThrow(message);
});

describe('a limit on a drop', () => {
  test.each([
    // point estimate, and with the interval
    ['accuracy=0.6pp', 'passed', 'undecided', 'accuracy fell by 0.55 pp (90 % → 89.45 %), limit 0.60 pp'],
    ['accuracy=2pp', 'passed', 'passed', ''],
    ['accuracy=0.5pp', 'broken', 'undecided', ''],
    ['accuracy=0pp', 'broken', 'broken', 'limit 0.00 pp'],
    ['class-recall=5pp', 'passed', 'undecided', 'class-recall of rare fell by 5.00 pp (90 % → 85 %)'],
    ['class-recall=4pp', 'broken', 'undecided', ''],
    ['class-recall=15pp', 'passed', 'passed', ''],
    ['recall=3pp', 'passed', 'undecided', ''],
    ['class-precision=10pp', 'passed', 'passed', '95 % interval of the drop'],
    ['f1=1pp', 'broken', 'undecided', 'no interval (it needs bootstrap: 1000, --bootstrap 1000): undecided'],
    ['loss=1', 'passed', 'passed', 'loss rose by'],
    ['agreement=1pp', 'passed', 'undecided', 'agreement fell by 0.73 pp (100 % → 99.27 %)'],
    ['auroc=1pp', 'undecided', 'undecided', 'auroc not known (it needs curves: true, --curves), limit 1.00 pp'],
    [
      'top3=1pp',
      'undecided',
      'undecided',
      'top3 not known (it needs softmax, more than 3 classes and topK: [3], --top-k 3)',
    ],
  ] as const)('%s: %s, decided %s', (text, plain, decided, line) => {
    const limits = parseLimits(text);
    const options = { names: ['usual', 'rare'] };
    const [one, other] = [judge(usual, limits, options), judge(usual, limits, { ...options, decide: true })];
    expect([one.verdict, other.verdict]).toEqual([plain, decided]);
    expect([one.exitCode, other.exitCode]).toEqual(
      [plain, decided].map((verdict) => ({ passed: 0, broken: 1, undecided: 3 })[verdict]),
    );
    expect(other.results[0]?.line).toContain(line);
    expect(one.results[0]?.line).not.toContain('interval');
  });

  test('the worst of several counts; what got better passes', () => {
    const better = compare([
      [0, false, true, 5],
      [0, true, true, 5],
      [1, true, false, 5],
      [1, true, true, 5],
    ]).compute();
    const limits = { accuracy: 0, 'class-recall': 0.4 };
    expect(judge(better, limits)).toMatchObject({
      verdict: 'broken',
      results: [
        { verdict: 'passed', value: 0 },
        { class: 1, value: 0.5 },
      ],
    });
    expect(judge(better, {})).toEqual({ verdict: 'passed', exitCode: 0, results: [] });
  });

  test('says what so many samples could show, and how many it takes', () => {
    const { results } = judge(usual, { accuracy: 0.006 }, { decide: true });
    const [{ power, line }] = results as [(typeof results)[0]];
    // 8 of 1100 differ: (1.96 + 0.84)² · (8/1100 − 0.006²)/0.006²
    expect(power?.needed).toBeGreaterThan(1560);
    expect(power?.needed).toBeLessThan(1600);
    expect(power?.smallest).toBeCloseTo(Math.sqrt((7.849 * (8 / 1100)) / 1107.85), 4);
    // 0.055 pp from the limit, with an upper end 0.68 pp away: 12.5² times as many
    expect(line).toMatch(/undecided; about 17\d,\d{3} samples would tell, here are 1,100$/);
    // nothing differs: a drop of d needs d·n pairs that do
    const same = compare([
      [0, true, true, 500],
      [1, true, true, 500],
    ]).compute();
    const verdict = judge(same, { accuracy: 0.001 }, { decide: true });
    expect(verdict).toMatchObject({ verdict: 'undecided', results: [{ value: 0, power: { needed: 7842 } }] });
    expect(judge(same, { accuracy: 0.005 }, { decide: true }).verdict).toBe('passed');
  });

  test('samples that are not finite in the candidate alone', () => {
    const broken = new FocalComparison(new SoftmaxFocalLoss(), { classes: 2 });
    broken.update(Float32Array.of(1, 2, 1, 2), Float32Array.of(1, 2, NaN, 2));
    const report = broken.compute();
    expect(judge(report, {})).toMatchObject({
      verdict: 'broken',
      exitCode: 1,
      results: [{ name: 'finite', value: 1 }],
    });
    expect(judge(report, {}, { allowNan: true }).verdict).toBe('passed');
    expect(judge(report, { accuracy: 0.1 }, { allowNan: true })).toMatchObject({ verdict: 'undecided', exitCode: 3 });
    expect(judge(report, { accuracy: 0.1 }).results[0]?.line).toContain('accuracy not known (no sample has a target)');
  });

  test('one-vs-rest', () => {
    const report = compare(
      [
        [0, true, true, 50],
        [1, true, false, 2],
        [1, true, true, 48],
      ],
      new SigmoidFocalLoss(),
    ).compute();
    const { results } = judge(report, parseLimits('accuracy=1pp,recall=1pp,class-recall=1pp,agreement=1pp'));
    expect(results.map(({ name, value }) => [name, value])).toEqual(
      [
        ['accuracy', 0.02],
        ['recall', 0.02],
        ['class-recall', 0.04],
        ['agreement', 0.02],
      ].map(([name, x]) => [name, expect.closeTo(x as number, 12)]),
    );
  });

  test.each([
    [null, TypeError, 'max-drop expected an object of numbers, got null'],
    // of these no entry is seen, and all would pass
    [new Map([['accuracy', 0.1]]), TypeError, 'max-drop expected an object of numbers, got Map'],
    [Promise.resolve({ accuracy: 0.1 }), TypeError, 'max-drop expected an object of numbers, got Promise'],
    [[], TypeError, 'max-drop expected an object of numbers, got an array'],
    [{ accuracy: '1' }, TypeError, 'max-drop accuracy expected a number, got "1"'],
    [{ accuracy: NaN }, RangeError, 'max-drop accuracy expected a finite number ≥ 0, got NaN'],
    [{ speed: 1 }, RangeError, 'max-drop expected one of accuracy'],
  ])('bad limits: %j', (limits, kind, message) => {
    const call = () => judge(usual, limits as never);
    expect(call).toThrow(kind);
    expect(call).toThrow(message);
  });
});

const nothing = new FocalMeter(new SoftmaxFocalLoss(), { classes: 2 });
test.each([
  // a word that is wrong must not let everything pass
  [
    () => judge(usual, {}, { decided: true } as never),
    RangeError,
    'options expected only decide, allowNan, names for judge, got "decided"',
  ],
  [() => judge(usual, {}, { decide: 1 } as never), TypeError, 'decide expected a boolean, got 1'],
  [() => judge(usual, {}, { names: ['a'] }), RangeError, 'names expected 2 names, got 1'],
  [() => judge(usual, {}, { names: 'ab' as never }), TypeError, 'names expected an array of strings, got "ab"'],
  [() => markdown(usual, null, { names: ['a', 1] as never }), TypeError, 'names[1] expected a string, got 1'],
  [
    () => markdown(usual, { title: 'x' } as never),
    TypeError,
    'judgement expected what judge gave, or null, got Object',
  ],
  [() => judgeReport(nothing.compute(), {}, { names: [] }), RangeError, 'names expected 2 names, got 0'],
  [
    () => judgeReport(nothing.compute(), new Map() as never),
    TypeError,
    'limits expected an object { min, max }, got Map',
  ],
  [() => judge(nothing.compute() as never, {}), TypeError, 'report expected what compute() of a FocalComparison gave'],
  [
    () => judgeReport(nothing.compute(), { accuracy: 0.9 } as never),
    RangeError,
    'options expected only min, max for judgeReport, got "accuracy"',
  ],
  [() => judgeReport(nothing.compute(), undefined as never), TypeError, 'limits expected an object { min, max }'],
  [() => judgeReport(usual as never, {}), TypeError, 'report expected what compute() of a FocalMeter gave'],
  [() => markdown(nothing as never), TypeError, 'report expected what compute() of a FocalComparison gave'],
  [
    () => markdown(usual, null, { heading: 'x' } as never),
    RangeError,
    'options expected only title, names for markdown',
  ],
  [() => parseLimits(5 as never), TypeError, "max-drop expected limits as 'accuracy=0.5pp,loss=0.01', got 5"],
  [
    () => parseLimits('accuracy=1pp', 'drop' as never),
    RangeError,
    "kind expected 'max-drop' or 'min' or 'max', got \"drop\"",
  ],
] as const)('bad input %#', (call, kind, message) => {
  expect(call).toThrow(kind);
  expect(call).toThrow(message);
});

test('the least and the most of an evaluation', () => {
  const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, topK: [2] });
  meter.update(Float32Array.of(2, 0, 0, 2, 0, 0, 0, 2, 0, 0, 2, 0), [0, 1, 1, 1]);
  const report = meter.compute();
  const bounds = {
    min: parseLimits('accuracy=75%,class-recall=0.7,top2=1', 'min'),
    max: parseLimits('loss=9,ece=1%', 'max'),
  };
  const { verdict, exitCode, results } = judgeReport(report, bounds, { names: ['a', 'b', 'c'] });
  expect([verdict, exitCode]).toEqual(['broken', 1]);
  expect(results.map((result) => [result.name, result.verdict])).toEqual([
    ['accuracy', 'passed'],
    ['class-recall', 'broken'],
    ['top2', 'passed'],
    ['loss', 'passed'],
    ['ece', 'broken'],
  ]);
  expect(results[1]?.line).toBe('class-recall of b 66.67 %, min 70 %: broken, off by 3.33 pp');
  const sigmoid = new FocalMeter(new SigmoidFocalLoss(), { classes: 2 });
  sigmoid.update(Float32Array.of(2, -2), [0]);
  expect(judgeReport(sigmoid.compute(), { min: { recall: 1, auroc: 0.5, f1: 1 } })).toMatchObject({
    verdict: 'undecided',
    exitCode: 3,
  });
});

test('areas below the curves of a softmax loss', () => {
  const loss = new SoftmaxFocalLoss();
  const meter = new FocalMeter(loss, { classes: 2, curves: true });
  const both = new FocalComparison(loss, { classes: 2, curves: true });
  const [z, y] = [Float32Array.of(2, 1, 1, 3, 0, 1), [0, 1, 1]];
  meter.update(z, y);
  both.update(
    z,
    z.map((x) => -x),
    y,
  );
  const min = { auroc: 0.5, 'average-precision': 0.5 };
  expect(judgeReport(meter.compute(), { min }).results.map(({ value }) => value)).toEqual([1, 1]);
  expect(judge(both.compute(), { auroc: 0.01 }).results).toMatchObject([{ verdict: 'broken', value: 1 }]);
  expect(judge(both.compute(), { auroc: 0.01 }, { decide: true }).results[0]?.line).toMatch(
    /no interval \(there is none for it: judge it without decide, --decide\): undecided$/,
  );
  const blind = new FocalMeter(loss, { classes: 2 });
  blind.update(z, y);
  const line = 'auroc not known (it needs curves: true, --curves), min 50 %: undecided';
  expect(judgeReport(blind.compute(), { min: { auroc: 0.5 } }).results).toMatchObject([{ line }]);
});

test('markdown: one summary, and foreign names mean nothing in it', () => {
  const names = ['usual', '`<b>`|\n# [x](y) ‮ *'];
  const judgement = judge(usual, { accuracy: 0.001, 'class-recall': 0.1 }, { names });
  const text = markdown(usual, judgement, { title: 'int8 against float32', names });
  expect(text).toBe(`### ❌ int8 against float32: broken

- ❌ accuracy fell by 0.55 pp (90 % → 89.45 %), limit 0.10 pp: broken
- ✅ class-recall of \\\`\\<b\\>\\\`\\| \\# \\[x\\](y) \\* fell by 5.00 pp (90 % → 85 %), limit 10.00 pp: passed

1,100 samples, 99.27 % of the predictions agree; KL 0.01108 on average, 1.523 at most; largest |Δp| 0.7616.

${text.slice(text.indexOf('| |'), text.indexOf('Right'))}Right → wrong 7, wrong → right 1: McNemar p 0.039.

| classes hurt most | samples | recall | lost | won | p (Holm) |
|---|--:|--:|--:|--:|--:|
| \\\`\\<b\\>\\\`\\| \\# \\[x\\](y) \\* | 100 | 90 % → 85 % | 5 | 0 | 0.063 |
| usual | 1,000 | 90 % → 89.9 % | 2 | 1 | 0.63 |
`);
  expect(text).toContain('| accuracy | 90 % | 89.45 % | −0.55 pp | −1.23 pp to −0.055 pp |');
  expect(markdown(compare([]).compute())).toContain('0 samples, – of the predictions agree');
});

test.each([
  ['softmax', new SoftmaxFocalLoss(), { accuracy: 0.4, kappa: 0.1, mcc: 0, balancedAccuracy: 0.4, macroF1: 0.3 }],
  ['sigmoid', new SigmoidFocalLoss(), { accuracy: 0.4, subsetAccuracy: 0.1 }],
] as const)('every metric over all samples may be limited by its name in the report: %s', (_, loss, min) => {
  const meter = new FocalMeter<typeof loss>(loss, { classes: 3 });
  meter.update({ data: Float32Array.of(2, 1, 0, 1, 3, 0, 1, 0, 2, 0, 3, 1), dims: [4, 3] }, [0, 1, 2, 0]);
  const report = meter.compute();
  const numbers = report as unknown as Record<string, number>;
  const { results } = judgeReport(report, { min });
  expect(results.map(({ name, value }) => [name, value])).toEqual(
    Object.keys(min).map((name) => [name, numbers[name]]),
  );
  const [no, wants] = loss instanceof SoftmaxFocalLoss ? ['subsetAccuracy', 'sigmoid'] : ['kappa', 'softmax'];
  expect(judgeReport(report, { min: { [no]: 0.1 } }).results[0]!.line).toContain(
    `not known (it needs the ${wants} loss)`,
  );
});

test('of one logit the hardest samples have the labels that were given', () => {
  const loss = new SigmoidFocalLoss();
  const meter = new FocalMeter(loss, { classes: 1, hardest: 3 });
  const both = new FocalComparison(loss, { classes: 1, hardest: 3 });
  const [z, y] = [Float32Array.of(1, 5, -4), [1, 0, 1]];
  meter.update(z, y);
  both.update(
    z.map((x) => -x),
    z,
    y,
  );
  for (const list of [meter.compute().hardest!, both.compute().quality!.hardest!]) {
    expect(list.slice(0, 2).map(({ index, target }) => [index, target])).toEqual([1, 2].map((i) => [i, y[i]]));
  }
});

test('sigmoid: what a class lost, won, and their p are all of its samples', () => {
  const both = new FocalComparison(new SigmoidFocalLoss(), { classes: 1 });
  // of six samples of the class one is lost, of ten others nine are won
  const targets = Uint8Array.from({ length: 16 }, (_, i) => Number(i < 6));
  const before = Float32Array.from(targets, (y, i) => (y || i < 15 ? 1 : -1));
  const after = Float32Array.from(targets, (y, i) => (y && i > 0 ? 1 : -1));
  both.update({ data: before, dims: [16, 1] }, { data: after, dims: [16, 1] }, targets);
  const report = both.compute();
  expect(report.quality!.perClass[0]).toMatchObject({ lost: 1, won: 9, recall: { lost: 1, won: 0, p: 0.5 } });
  expect(markdown(report)).toContain('| class 0 | 6 | 100 % → 83.33 % | 1 | 0 | 0.5 |');
});
