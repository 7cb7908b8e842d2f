/** The tables on standard output, in Markdown. */
import { geometricMean, judge, speedup } from './targets.mjs';

const OURS = 'focal-simd';
const number = (x) => (x === undefined ? '–' : x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2));
const withRatio = (cell, peer) =>
  cell.ns[peer] === undefined ? '–' : `${number(cell.ns[peer])} (${number(speedup(cell, peer))}×)`;

function table(title, head, rows) {
  if (rows.length === 0) return;
  console.log(`\n${title}\n`);
  for (const row of [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows])
    console.log(`| ${row.join(' | ')} |`);
}

const shape = ({ layout, positions }) => (layout === 'rows' ? 'rows' : `planes D=${positions}`);

/** Contenders in the order of first appearance, ours first. */
export const contenders = ({ cells }) => [...new Set([OURS, ...cells.flatMap((cell) => Object.keys(cell.ns))])];

/** Print all tables; gives the targets, judged. */
export function printReport(results) {
  const { machine, versions, absent, cells } = results;
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}; one thread${machine.pinned ? ' on one processor' : ''}`,
  );
  console.log(
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  );
  console.log(results.date.slice(0, 10));
  for (const { name, reason } of absent) console.log(`absent: ${name} (${reason})`);

  const names = contenders(results).filter((name) => name !== OURS);
  for (const loss of ['softmax', 'sigmoid']) {
    for (const mode of ['forward', 'value+grad']) {
      const chosen = cells.filter((cell) => cell.loss === loss && cell.mode === mode && cell.gamma === 2);
      const there = names.filter((name) => chosen.some((cell) => cell.ns[name] !== undefined));
      table(
        `**${loss}, ${mode}, γ = 2**: ns per logit, in brackets how many times as fast ours is (first quartiles)`,
        ['C', 'layout', 'logits', OURS, ...there],
        chosen.map((cell) => [
          cell.classes,
          shape(cell),
          cell.logits,
          number(cell.ns[OURS]),
          ...there.map((name) => withRatio(cell, name)),
        ]),
      );
    }
  }
  table(
    '**Against the scalar twin by γ**: geometric mean of the cells, and the least',
    ['loss', 'mode', 'γ', 'mean', 'least', 'cells'],
    ['softmax', 'sigmoid'].flatMap((loss) =>
      ['forward', 'value+grad'].flatMap((mode) =>
        [2, 0.5, 1.7].flatMap((gamma) => {
          const chosen = cells.filter((cell) => cell.loss === loss && cell.mode === mode && cell.gamma === gamma);
          const ratios = chosen.map((cell) => speedup(cell, 'scalar'));
          if (ratios.length === 0) return [];
          return [
            [loss, mode, gamma, `${number(geometricMean(ratios))}×`, `${number(Math.min(...ratios))}×`, ratios.length],
          ];
        }),
      ),
    ),
  );
  table(
    '**One sample of 10 classes**: ns per call',
    ['loss', 'mode', OURS, 'scalar'],
    (results.overhead ?? []).map(({ loss, mode, ns }) => [loss, mode, ns[OURS].toFixed(0), ns.scalar.toFixed(0)]),
  );
  table(
    '**By size of the call**: rows, forward, γ = 2, ns per logit',
    ['loss', 'C', 'logits', OURS, 'scalar'],
    (results.sizes ?? []).map((point) => [
      point.loss,
      point.classes,
      point.logits,
      number(point.ns[OURS]),
      withRatio(point, 'scalar'),
    ]),
  );
  table(
    '**By length of the stream**: C = 100 in calls of 1e5 logits, forward, γ = 2',
    ['loss', 'logits', 'ns per logit'],
    (results.stream ?? []).map(({ loss, logits, ns }) => [loss, logits.toExponential(0), number(ns)]),
  );
  table(
    '**FocalMeter beside the loss alone**: ns per logit; fitted: 3 of 4 samples are right, random: nearly none',
    ['loss', 'C', 'data', 'loss alone', 'loss and metrics'],
    (results.meter ?? []).map(({ loss, classes, data, ns, ratio }) => [
      loss,
      classes,
      data,
      number(ns.loss),
      `${number(ns.meter)} (${ratio.toFixed(2)}×)`,
    ]),
  );
  const far = names
    .map((name) => [name, Math.max(...cells.map((cell) => cell.difference[name] ?? 0))])
    .filter(([, difference]) => difference > 1e-5);
  for (const [name, difference] of far) {
    console.log(
      `\n${name}: its mean differs from ours by up to ${difference.toExponential(0)} (relative); it sums in float32.`,
    );
  }
  // A short run exercises the code; its times say nothing.
  const targets = judge(results).map((target) => (results.short ? { ...target, met: null } : target));
  table(
    '**Targets**',
    ['target', 'measured', 'met'],
    targets.map(({ text, measured, met }) => [text, measured, met === null ? '–' : met ? 'yes' : '**no**']),
  );
  return targets;
}
