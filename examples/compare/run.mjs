// `npm run example:compare`: is the quantised model still the model? fastText's language identifier over the Universal
// Declaration of Human Rights, against four variants of itself that differ in how far their weights are rounded. Writes a page
// and a summary in Markdown of each.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FocalComparison, judge, markdown, parseLimits } from '../../dist/compare.js';
import { SoftmaxFocalLoss } from '../../dist/index.js';
import { renderReport } from '../../dist/report.js';
import { loadModel, logitsOf, namesOf, predict, readParagraphs } from '../language-identification/data.mjs';
import { bold, dim, HEAD, percent, printCandidate, printTable, row } from './print.mjs';
import { quantised } from './quantise.mjs';

const LIMITS = 'accuracy=0.5pp,recall=2pp,class-recall=10pp';
const VARIANTS = [
  [8, 'row'],
  [4, 'row'],
  [8, 'tensor'],
  [4, 'tensor'],
];

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
const candidates = [];
for (const [bits, granularity] of VARIANTS) {
  const name = `int${bits} per ${granularity}`;
  const candidate = await loadModel(quantised(bits, granularity));
  const comparison = new FocalComparison(new SoftmaxFocalLoss(), { classes: classes.length, hardest: 10, flips: true });
  comparison.update(before, logitsOf(predict(candidate, texts)), targets);
  const report = comparison.compute();
  const judgement = judge(report, parseLimits(LIMITS), { names });
  const title = `fastText’s language identifier: ${name} against float32`;
  const file = name.replaceAll(' ', '-');
  writeFileSync(`${folder}${file}.html`, renderReport(comparison.toJSON(), { title, names, texts, judgement }));
  writeFileSync(`${folder}${file}.md`, markdown(report, judgement, { title, names }));
  accuracy = percent(report.quality.baseline.accuracy);
  rows.push(row(name, report, judgement.verdict));
  candidates.push([name, report, judgement]);
}

printTable([HEAD, ['float32', accuracy, '', '', '', '', ''], ...rows]);
for (const [name, report, judgement] of candidates) printCandidate(name, report, judgement, names, 'language');
console.log('\n  A page and a summary in Markdown of each: examples/compare/data/');
console.log(dim(`\n  ${((performance.now() - start) / 1000).toFixed(0)} s, offline\n`));
