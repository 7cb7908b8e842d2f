// `npm run example:compare`: is the quantised model still the model? fastText's language identifier over the Universal
// Declaration of Human Rights, against four variants of itself that differ in how far their weights are rounded. Writes a page
// and a summary in Markdown of each.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FocalComparison, judge, markdown, parseLimits } from '../../dist/compare.js';
import { SoftmaxFocalLoss } from '../../dist/index.js';
import { renderReport } from '../../dist/report.js';
import { loadModel, logitsOf, namesOf, predict, readParagraphs } from '../language-identification/data.mjs';
import { quantised } from './quantise.mjs';

const LIMITS = 'accuracy=0.5pp,recall=2pp,class-recall=10pp';
const VARIANTS = [
  [8, 'row'],
  [4, 'row'],
  [8, 'tensor'],
  [4, 'tensor'],
];

const coloured = process.stdout.isTTY && process.stdout.hasColors();
const bold = (text) => (coloured ? `\x1b[1m${text}\x1b[22m` : text);
const dim = (text) => (coloured ? `\x1b[2m${text}\x1b[22m` : text);
const percent = (x) => `${(100 * x).toFixed(2)} %`;
const probability = (p) => (p < 0.001 ? p.toExponential(0) : p.toPrecision(2));
/** How many languages are listed. */
const MOST = 5;
const mark = { passed: 'ok', broken: 'NO', undecided: '??' };

const start = performance.now();
const baseline = await loadModel();
const { classes } = baseline;
const names = namesOf(classes);
const { texts, targets } = readParagraphs(classes);
console.log(bold("\nIs it still the model? fastText's language identifier, rounded to fewer bits"));
console.log(`  ${texts.length.toLocaleString('en-US')} paragraphs, ${classes.length} languages; limits: ${LIMITS}\n`);
const before = logitsOf(predict(baseline, texts));

const folder = fileURLToPath(new URL('data/', import.meta.url));
mkdirSync(folder, { recursive: true });
let accuracy = '';
const rows = [];
const harms = [];
for (const [bits, granularity] of VARIANTS) {
  const name = `int${bits} per ${granularity}`;
  const candidate = await loadModel(quantised(bits, granularity));
  const comparison = new FocalComparison(new SoftmaxFocalLoss(), { classes: classes.length, hardest: 10, flips: true });
  comparison.update(before, logitsOf(predict(candidate, texts)), targets);
  const report = comparison.compute();
  const judgement = judge(report, parseLimits(LIMITS), { names });
  const { verdict, results } = judgement;
  const title = `fastText’s language identifier: ${name} against float32`;
  const file = name.replaceAll(' ', '-');
  writeFileSync(`${folder}${file}.html`, renderReport(comparison.toJSON(), { title, names, texts, judgement }));
  writeFileSync(`${folder}${file}.md`, markdown(report, judgement, { title, names }));
  const { fidelity, quality } = report;
  accuracy = percent(quality.baseline.accuracy);
  rows.push([
    name,
    percent(quality.candidate.accuracy),
    `${quality.lost} / ${quality.won}`,
    probability(quality.p),
    percent(fidelity.agreement),
    fidelity.difference.largest.toFixed(2),
    verdict,
  ]);
  const hurt = quality.perClass
    .map((entry, c) => ({ ...entry, name: names[c] }))
    .filter(({ adjusted, recall }) => adjusted < 0.05 && recall.delta < 0)
    .sort((a, b) => a.recall.delta - b.recall.delta);
  harms.push({ name, results, hurt });
}

const head = ['', 'accuracy', 'lost / won', 'McNemar p', 'agreement', 'largest |Δp|', 'verdict'];
const table = [head, ['float32', accuracy, '', '', '', '', ''], ...rows];
const widths = head.map((_, c) => Math.max(...table.map((row) => row[c].length)));
for (const [i, row] of table.entries()) {
  const line = row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('   ');
  console.log(`  ${i === 0 ? dim(line) : line}`);
}

for (const { name, results, hurt } of harms) {
  console.log(bold(`\n  ${name}`));
  for (const { verdict, line } of results) console.log(`    ${mark[verdict]}  ${line}`);
  for (const { name: language, support, recall, adjusted } of hurt.slice(0, MOST)) {
    const right = (x) => Math.round(x * support);
    console.log(
      `        ${language}: ${right(recall.baseline)} → ${right(recall.candidate)} of ${support} right, ` +
        `${recall.lost} lost, ${recall.won} won, p ${probability(adjusted)} after Holm`,
    );
  }
  if (hurt.length > MOST) console.log(dim(`        and ${hurt.length - MOST} more languages`));
  if (hurt.length === 0) console.log(dim('        no language is hurt beyond doubt'));
}
console.log('\n  A page and a summary in Markdown of each: examples/compare/data/');
console.log(dim(`\n  ${((performance.now() - start) / 1000).toFixed(0)} s, offline\n`));
