import { describe, test } from 'vitest';
import { backends } from './backends.ts';
import { indexOf } from './layout.ts';
import { Random } from './random.ts';
import { type Problem, type Reference, reference } from './reference.ts';
import { bound, expectAll, expectSame, GRAD_UNIT, LOSS_UNIT } from './tolerance.ts';

/** [batch, classes, positions]: rows of few and many classes, pairs, planes short and long, several tiles, chunks of classes. */
const SHAPES: [number, number, number][] = [
  [9, 2, 1],
  [33, 3, 1],
  [300, 7, 1],
  [5, 33, 1],
  [3, 100, 1],
  [19, 1000, 1],
  [1, 70_001, 1],
  [2, 2, 7],
  [3, 5, 49],
  [2, 3, 257],
  [1, 21, 300],
  [1, 40, 1700],
  [4, 40, 3],
  [1, 30_000, 5],
];

type Kind = 'index' | 'one-hot' | 'multi-hot' | 'soft' | 'mixup';

interface Setting {
  loss: 'softmax' | 'sigmoid';
  kind: Kind;
  shape: [number, number, number];
  gamma: number;
  options: Partial<Pick<Problem, 'smoothing' | 'labelSmoothing' | 'gammaNegative' | 'clip'>>;
  alpha: 'none' | 'number' | 'classes';
  scale: number;
}

function problemOf({ loss, kind, shape, gamma, options, alpha, scale }: Setting): Problem {
  const [batch, classes, positions] = shape;
  const samples = batch * positions;
  const length = samples * classes;
  const random = new Random(classes * 31 + positions);
  const logits = random.logits(length, scale, 0);
  const labels = random.labels(samples, classes);
  const at = (i: number, c: number) => indexOf({ classes, positions }, i, c);
  let targets: Int32Array | Float32Array = labels;
  const dense = kind !== 'index';
  if (dense) {
    targets = new Float32Array(length);
    for (let i = 0; i < samples; i++) {
      targets[at(i, labels[i]!)] = 1;
      const other = random.below(classes);
      const share = random.uniform();
      if (kind === 'mixup') {
        targets[at(i, labels[i]!)] = share;
        targets[at(i, other)] = targets[at(i, other)]! + (1 - share);
      } else if (kind !== 'one-hot') {
        for (let c = 0; c < classes; c++) {
          const draw = random.uniform();
          // sigmoid: one in nine is left out
          const out = loss === 'sigmoid' && random.below(9) === 0;
          targets[at(i, c)] = out
            ? -100
            : kind === 'multi-hot'
              ? draw < 0.3
                ? 1
                : 0
              : draw < 0.2
                ? 0
                : draw < 0.4
                  ? 1
                  : draw;
        }
      }
    }
  } else for (let i = 0; i < samples; i += 5) targets[i] = -100;
  const weights = { none: null, number: 0.25, classes: random.weights(classes) }[alpha];
  const common = { loss, batch, classes, positions, logits, targets, dense, gamma, ignoreIndex: -100 };
  return { ...common, smoothing: 0, ...options, alpha: weights };
}

const SETTINGS: Setting[] = [];
{
  const cycle = <T>(values: readonly T[]) => {
    let i = 0;
    return () => values[i++ % values.length]!;
  };
  const gamma = cycle([2, 0, 0.5, 1, 1.7, 3, 5, 2]);
  const scale = cycle([3, 0.5, 30, 8, 90]);
  const softmax = cycle<Setting['options']>([{}, { labelSmoothing: 0.1 }, {}, { labelSmoothing: 0.5 }]);
  const sigmoid = cycle<Setting['options']>([{ smoothing: 1e-3 }, {}, { smoothing: 0.1 }]);
  const alpha = cycle(['none', 'classes', 'number'] as const);
  for (const shape of SHAPES) {
    for (const kind of ['one-hot', 'soft', 'mixup'] as const) {
      const weights = alpha() === 'none' ? 'none' : 'classes';
      SETTINGS.push({
        loss: 'softmax',
        kind,
        shape,
        gamma: gamma(),
        options: softmax(),
        alpha: weights,
        scale: scale(),
      });
    }
    const options = { labelSmoothing: 0.1 };
    SETTINGS.push({ loss: 'softmax', kind: 'index', shape, gamma: gamma(), options, alpha: 'classes', scale: scale() });
    for (const kind of ['one-hot', 'multi-hot', 'soft', 'mixup'] as const) {
      SETTINGS.push({
        loss: 'sigmoid',
        kind,
        shape,
        gamma: gamma(),
        options: sigmoid(),
        alpha: alpha(),
        scale: scale(),
      });
    }
    for (const asymmetric of [{ gammaNegative: 4 }, { gammaNegative: 1.5, clip: 0.05 }, { clip: 0.3 }]) {
      const kind = asymmetric.clip === 0.3 ? 'index' : 'multi-hot';
      const own = gamma();
      SETTINGS.push({ loss: 'sigmoid', kind, shape, gamma: own, options: asymmetric, alpha: alpha(), scale: scale() });
    }
  }
  for (const smoothing of [0, 1e-3]) {
    for (const kind of ['multi-hot', 'soft'] as const) {
      const shape: [number, number, number] = [40, 1, 1];
      SETTINGS.push({ loss: 'sigmoid', kind, shape, gamma: 2, options: { smoothing }, alpha: 'number', scale: 30 });
    }
  }
}

const title = ({ loss, kind, shape, gamma, options, alpha, scale }: Setting): string =>
  `${loss} ${kind} [${shape}] γ ${gamma} α ${alpha} ${JSON.stringify(options)} · ${scale}`;
const TABLE = SETTINGS.map((s): [string, Setting] => [title(s), s]);

const known = new Map<string, { problem: Problem; truth: Reference }>();
function solved(setting: Setting) {
  const key = title(setting);
  let found = known.get(key);
  if (!found) {
    const problem = problemOf(setting);
    found = { problem, truth: many(problem) ? emptyReference : reference(problem) };
    known.set(key, found);
  }
  return found;
}
/** The reference takes a time that grows with the square of the classes. */
const many = (problem: Problem): boolean => problem.loss === 'softmax' && problem.classes > 1000;
const emptyReference = reference({ ...problemOf({ ...SETTINGS[0]!, shape: [0, 2, 1] }) });

describe.each(backends)('$name', ({ api }) => {
  function make(problem: Problem, reduction: 'none' | 'mean' | 'sum' = 'none', more: object = {}) {
    const { gamma, alpha, smoothing, labelSmoothing = 0, gammaNegative = gamma, clip = 0, ignoreIndex } = problem;
    const common = { gamma, reduction, ignoreIndex, ...more };
    return problem.loss === 'softmax'
      ? new api.SoftmaxFocalLoss({ ...common, alpha: alpha as Float32Array | null, labelSmoothing })
      : new api.SigmoidFocalLoss({ ...common, alpha, smoothing, gammaNegative, clip });
  }
  const tensors = ({ batch, classes, positions, dense, logits, targets }: Problem) => {
    const dims = positions > 1 ? [batch, classes, positions] : [batch, classes];
    const labels = positions > 1 ? [batch, positions] : [batch];
    return [
      { data: logits as Float32Array, dims },
      { data: targets as Float32Array, dims: dense ? dims : labels },
    ] as const;
  };

  test.each(TABLE)('%s: within the stated errors', (_, setting) => {
    const { problem, truth } = solved(setting);
    const loss = make(problem);
    const [z, t] = tensors(problem);
    const forward = loss.forward(z, t) as Float32Array;
    const { value, grad } = loss.valueAndGrad(z, t) as { value: Float32Array; grad: Float32Array };
    expectSame(value, forward);
    if (many(problem)) return;
    const { losses, margins, gradMargins, gradTerms, lossCuts, gradCuts } = truth;
    expectAll(
      forward,
      losses,
      (i) => bound(LOSS_UNIT, problem, margins[i]!),
      (i) => `margin ${margins[i]}`,
      (i) => lossCuts[i]!,
    );
    // what a gradient is the sum of may cancel; probabilities below float32 are 0, whatever they are multiplied by
    const terms = (i: number) => bound(GRAD_UNIT, problem, gradMargins[i]!) * gradTerms[i]!;
    expectAll(
      grad,
      truth.grad,
      () => 0,
      (i) => `gradient at ${gradMargins[i]}`,
      (i) => terms(i) + problem.classes * 2 ** -126 + gradCuts[i]!,
    );
  });

  // some options make numbers of labels: 0 and 1 among these are no labels to ignore
  test.each([0, 1, 2])('where label %i is ignored, all others have what they have without it', (ignoreIndex) => {
    const classes = 3;
    const logits = { data: new Random(5).logits(6 * classes, 8, 0), dims: [6, classes] };
    const targets = Int32Array.of(0, 1, 2, 1, 2, 0);
    const kept = (perSample: number) => (x: number, i: number) =>
      targets[Math.floor(i / perSample)] === ignoreIndex ? 0 : x;
    const run = (ignored: number) => {
      const common = { gamma: 0, reduction: 'none', ignoreIndex: ignored } as const;
      const softmax = new api.SoftmaxFocalLoss({ ...common, labelSmoothing: 0.1 });
      const sigmoid = new api.SigmoidFocalLoss({ ...common, gammaNegative: 2, clip: 0.3, smoothing: 0.0625 });
      return [softmax, sigmoid].map((loss) => loss.valueAndGrad(logits, targets));
    };
    const [all, some] = [run(-100), run(ignoreIndex)];
    for (const [l, perSample] of [1, classes].entries()) {
      expectSame(some[l]!.value, all[l]!.value.map(kept(perSample)));
      expectSame(some[l]!.grad, all[l]!.grad.map(kept(classes)));
    }
  });
});
