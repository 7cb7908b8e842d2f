/** The speed targets, each held against a run's results. */
import { mostOf } from './meter-cost.mjs';

export const geometricMean = (values) => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);

const OURS = 'focal-simd';

/** Times faster than a peer: above 1 is faster. */
export const speedup = (cell, peer) => cell.ns[peer] / cell.ns[OURS];

const times = (x) => `${x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2)}×`;

/** The same algorithm in C with the same vectors: what it misses, too, is beyond 128 bits. */
const LIMIT = 'C -msse4.1';

/** A target over cells: every measured number must pass. `limit`: what the C code would be measured at. */
function everyCell(text, cells, measure, passes, worst, limit = () => NaN) {
  const measured = cells.map((cell) => [measure(cell), cell.id]).filter(([value]) => Number.isFinite(value));
  if (measured.length === 0) return { text, measured: 'not measured', met: null };
  const missed = measured.filter(([value]) => !passes(value));
  const [value, id] = measured.reduce((a, b) => (worst(a[0], b[0]) === a[0] ? a : b));
  const where = `worst ${times(value)} at ${id}`;
  const beyond = cells.map(limit).filter((value) => Number.isFinite(value) && !passes(value)).length;
  const also = beyond > 0 ? ` (the C code in ${beyond})` : '';
  const note = missed.length === 0 ? where : `missed in ${missed.length} of ${measured.length} cells${also}, ${where}`;
  return { text, measured: note, met: missed.length === 0 };
}

const atLeast = (least) => [(value) => value >= least, Math.min];
const atMost = (most) => [(value) => value <= most, Math.max];

/** The geometric mean of the speed-ups, and the least of them. */
function mean(text, cells, peer, least, leastCell = 0) {
  const ratios = cells.map((cell) => speedup(cell, peer)).filter(Number.isFinite);
  if (ratios.length === 0) return { text, measured: 'not measured', met: null };
  const whole = geometricMean(ratios);
  const lowest = Math.min(...ratios);
  return {
    text,
    measured: `geometric mean ${times(whole)}, least ${times(lowest)}, ${ratios.length} cells`,
    met: least === null ? null : whole >= least && lowest >= leastCell,
  };
}

/** The lowest time of a cell in one shape; ns a logit. */
function extraExp({ cells }) {
  // One exp is what the margin pass of a long row spends on a logit, its maximum included.
  const exp = cells.find(({ id }) => id === 'softmax/rows/C=1000/gamma=2/forward')?.ns[OURS];
  const results = { softmax: [], sigmoid: [] };
  for (const cell of cells) {
    // Many classes a sample hide what the sample costs.
    if (cell.gamma !== 1.7 || cell.mode !== 'forward' || (cell.loss === 'softmax' && cell.classes > 10)) continue;
    const base = cells.find(({ id }) => id === cell.id.replace('gamma=1.7', 'gamma=2'));
    if (!base || !exp) continue;
    results[cell.loss].push(((cell.ns[OURS] - base.ns[OURS]) * (cell.loss === 'softmax' ? cell.classes : 1)) / exp);
  }
  return Object.entries(results).map(([loss, extra]) => {
    const text = `γ = 1.7 costs at most one exp more a ${loss === 'softmax' ? 'sample' : 'logit'} (${loss})`;
    if (extra.length === 0) return { text, measured: 'not measured', met: null };
    const sorted = extra.sort((a, b) => a - b);
    const middle = sorted[sorted.length >> 1];
    const note = `median of ${extra.length} cells ${middle.toFixed(2)} exp (one is ${exp.toFixed(2)} ns)`;
    return { text, measured: note, met: middle <= 1 };
  });
}

/** All targets of a run: `{ text, measured, met }`, met null where nothing was measured or nothing is asked. */
export function judge(results) {
  const plain = results.cells.filter((cell) => cell.gamma === 2);
  const forward = plain.filter((cell) => cell.mode === 'forward');
  const both = plain.filter((cell) => cell.mode === 'value+grad');
  const over = (cells, peer, least) => [
    cells,
    (cell) => speedup(cell, peer),
    ...atLeast(least),
    (cell) => cell.ns[peer] / cell.ns[LIMIT],
  ];
  const sigmoid = forward.filter((cell) => cell.loss === 'sigmoid');
  const list = [
    mean('forward: ≥ 12× scalar loops (geometric mean), no cell under 4×', forward, 'scalar loops', 12, 4),
    mean('value + gradient: ≥ 10× scalar loops (geometric mean), no cell under 4×', both, 'scalar loops', 10, 4),
    mean('forward: ≥ 12× the scalar twin (geometric mean), no cell under 5×', forward, 'scalar', 12, 5),
    mean('value + gradient: ≥ 10× the scalar twin (geometric mean)', both, 'scalar', 10),
    mean('forward: ≥ 1.0× as fast as C at 128 bits (geometric mean)', forward, LIMIT, 1),
    mean('value + gradient: ≥ 0.95× as fast as C at 128 bits (geometric mean)', both, LIMIT, 0.95),
    everyCell('time ≤ 1.3× that of C at 128 bits', plain, (cell) => 1 / speedup(cell, LIMIT), ...atMost(1.3)),
    mean('value + gradient against the automatic differentiation of tfjs-wasm', both, 'tfjs-wasm', null),
    everyCell('≥ 10× tfjs-wasm', ...over(plain, 'tfjs-wasm', 10)),
    everyCell('≥ 5× onnxruntime-web', ...over(plain, 'onnxruntime-web', 5)),
    everyCell('sigmoid: ≥ 5× native onnxruntime', ...over(sigmoid, 'onnxruntime-node', 5)),
    everyCell('sigmoid: ≥ 5× PyTorch eager', ...over(sigmoid, 'PyTorch eager', 5)),
    everyCell(
      'softmax, C = 1000, rows: time ≤ 1.3× native onnxruntime',
      forward.filter((c) => c.loss === 'softmax' && c.classes === 1000 && c.layout === 'rows'),
      (cell) => 1 / speedup(cell, 'onnxruntime-node'),
      ...atMost(1.3),
      (cell) => cell.ns[LIMIT] / cell.ns['onnxruntime-node'],
    ),
    ...extraExp(results),
  ];
  if (results.overhead) {
    const extra = results.overhead.map(({ ns }) => ns[OURS] - ns.scalar);
    const most = Math.max(...extra);
    const text = 'one sample of 10 classes: at most 1 µs more than the scalar twin';
    list.push({ text, measured: `${most > 0 ? '+' : ''}${most.toFixed(0)} ns at most`, met: most <= 1000 });
  }
  for (const loss of results.stream ? ['softmax', 'sigmoid'] : []) {
    const ns = results.stream.filter((point) => point.loss === loss).map((point) => point.ns);
    const middle = (Math.min(...ns) + Math.max(...ns)) / 2;
    const spread = (Math.max(...ns) / middle - 1) * 100;
    const text = `${loss}: ns per logit flat within ±10 % from 1e5 to 1e9 streamed logits`;
    list.push({
      text,
      measured: `±${spread.toFixed(1)} % around ${middle.toFixed(2)} ns`,
      met: spread <= 10,
    });
  }
  const mebibytes = results.wasmMemoryBytes / 2 ** 20;
  list.push({ text: 'wasm memory ≤ 2 MiB', measured: `${mebibytes} MiB`, met: mebibytes <= 2 });
  for (const { loss, classes, data, ratio } of results.meter ?? []) {
    const most = mostOf(classes);
    const text = `${loss}, C = ${classes}, ${data}: FocalMeter costs at most ${most}× the loss alone`;
    list.push({ text, measured: times(ratio), met: ratio <= most });
  }
  return list;
}
