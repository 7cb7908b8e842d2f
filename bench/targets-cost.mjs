// What a target for each logit costs: forward with multi-hot targets over class indices (sigmoid), with soft ones over
// class indices (softmax), in paired rounds of one run, and each against good scalar loops of its own.
// `node bench/targets-cost.mjs` prints the medians; a ratio is the median of the rounds' ratios.
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../dist/index.js';
import { makeRows } from './data.mjs';
import { PairedRounds } from './measure.mjs';

const ROUNDS = 96;
/** What the ratios should be at most. */
const MOST = { sigmoid: 1.15, softmax: 2.5 };
const [SMOOTHING, ALPHA] = [1e-3, 0.25];

/** One-vs-rest over 0 and 1: as one would write it by hand, nothing allocated, γ = 2 without a power. */
function sigmoidLoops(logits, targets) {
  let total = 0;
  for (let i = 0; i < logits.length; i++) {
    const positive = targets[i] === 1;
    const x = positive ? logits[i] : -logits[i];
    const t = Math.exp(-Math.abs(x));
    const q = (x >= 0 ? t : 1) / (1 + t);
    const b = q * (1 - SMOOTHING) + SMOOTHING / 2;
    total += (positive ? ALPHA : 1 - ALPHA) * b * b * (Math.log1p(t) + (x < 0 ? -x : 0));
  }
  return total / logits.length;
}

/** Σ t·(1 − p)²·(−log p), row by row. */
function softmaxLoops(logits, targets, classes) {
  let total = 0;
  const samples = logits.length / classes;
  for (let start = 0; start < logits.length; start += classes) {
    const end = start + classes;
    let largest = logits[start];
    for (let j = start + 1; j < end; j++) if (logits[j] > largest) largest = logits[j];
    let sum = 0;
    for (let j = start; j < end; j++) sum += Math.exp(logits[j] - largest);
    const log = Math.log(sum) + largest;
    for (let j = start; j < end; j++) {
      const t = targets[j];
      if (t === 0) continue;
      const ce = log - logits[j];
      const q = 1 - Math.exp(-ce);
      total += t * q * q * ce;
    }
  }
  return total / samples;
}

console.log('loss     targets       C  index, ns/logit  dense, ns/logit   ratio  target  over scalar loops');
for (const classes of [10, 100, 1000]) {
  const { logits, targets } = makeRows(1 << 17, classes, true);
  const dims = [targets.length, classes];
  const z = { data: logits, dims };
  const hot = new Uint8Array(logits.length);
  for (const [i, y] of targets.entries()) hot[i * classes + y] = hot[i * classes + ((y + 3) % classes)] = 1;
  // smoothed over two classes, as mixup does, and a little over all others
  const soft = Float32Array.from(hot, (t) => t * 0.45 + 0.1 / classes);
  for (const [name, Loss, kind, dense, loops] of [
    ['sigmoid', SigmoidFocalLoss, 'multi-hot', hot, () => sigmoidLoops(logits, hot)],
    ['softmax', SoftmaxFocalLoss, 'soft', soft, () => softmaxLoops(logits, soft, classes)],
  ]) {
    const loss = new Loss();
    const own = { data: dense, dims };
    const values = [loss.forward(z, own), loops()];
    if (!(Math.abs(values[0] / values[1] - 1) < 1e-5)) throw new Error(`${name}: ${values.join(' is not ')}`);
    // the two alone: a third would not come before both equally often, and what comes before decides what the caches
    // hold
    const forward = () => loss.forward(z, own);
    const rounds = new PairedRounds({ index: () => loss.forward(z, targets), dense: forward }).run(ROUNDS);
    const byHand = new PairedRounds({ dense: forward, loops }).run(ROUNDS >> 2);
    const perLogit = (which) => rounds.nanoseconds(which, logits.length).toFixed(2);
    const columns = [
      name,
      kind.padEnd(9),
      String(classes).padStart(5),
      perLogit('index').padStart(15),
      perLogit('dense').padStart(15),
    ];
    const ratio = rounds.ratio('dense', 'index').toFixed(2).padStart(6);
    console.log(
      columns.join('  '),
      ratio,
      ` ≤ ${MOST[name].toFixed(2)}`,
      `${byHand.ratio('loops', 'dense').toFixed(1)}×`.padStart(10),
    );
  }
}
