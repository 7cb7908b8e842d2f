// How the examples print what they find.
const coloured = process.stdout.isTTY && process.stdout.hasColors();
export const bold = (text) => (coloured ? `\x1b[1m${text}\x1b[22m` : text);
export const dim = (text) => (coloured ? `\x1b[2m${text}\x1b[22m` : text);
export const percent = (x) => `${(100 * x).toFixed(2)} %`;
export const probability = (p) => (p < 0.001 ? p.toExponential(0) : p.toPrecision(2));

export const HEAD = ['', 'accuracy', 'lost / won', 'McNemar p', 'agreement', 'largest |Δp|', 'verdict'];

/** The row of a candidate under HEAD. */
export const row = (name, { fidelity, quality }, verdict) => [
  name,
  percent(quality.candidate.accuracy),
  `${quality.lost} / ${quality.won}`,
  probability(quality.p),
  percent(fidelity.agreement),
  fidelity.difference.largest.toFixed(2),
  verdict,
];

export function printTable(table) {
  const widths = table[0].map((_, c) => Math.max(...table.map((cells) => cells[c].length)));
  for (const [i, cells] of table.entries()) {
    const line = cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('   ');
    console.log(`  ${i === 0 ? dim(line) : line}`);
  }
}

const mark = { passed: 'ok', broken: 'NO', undecided: '??' };
/** How many classes are listed. */
const MOST = 5;

/** A line a limit, then the classes whose recall changed by more than chance, the largest fall first. */
export function printCandidate(name, { quality }, { results }, names, kind) {
  console.log(bold(`\n  ${name}`));
  for (const { verdict, line } of results) console.log(`    ${mark[verdict]}  ${line}`);
  const changed = quality.perClass
    .map((entry, c) => ({ ...entry, name: names[c] }))
    .filter(({ adjusted }) => adjusted !== null && adjusted < 0.05)
    .sort((a, b) => a.recall.delta - b.recall.delta);
  for (const { name: one, support, recall, adjusted } of changed.slice(0, MOST)) {
    const right = (x) => Math.round(x * support);
    console.log(
      `        ${one}: ${right(recall.baseline)} → ${right(recall.candidate)} of ${support} right, ` +
        `${recall.lost} lost, ${recall.won} won, p ${probability(adjusted)} after Holm`,
    );
  }
  if (changed.length > MOST) console.log(dim(`        and ${changed.length - MOST} more`));
  if (changed.length === 0) console.log(dim(`        no ${kind} has changed beyond doubt`));
}
