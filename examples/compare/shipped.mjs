// `npm run example:shipped`: a quantisation that was really shipped. Visual Studio Code's language detector had float32 weights
// until 1.0.18 of its package; later ones have the same weights as uint8, one scale a tensor. Both guess the languages of the
// source files that `npm ci` has installed here, whose extensions are the truth.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FocalComparison, judge, markdown, parseLimits } from '../../dist/compare.js';
import { SoftmaxFocalLoss } from '../../dist/index.js';
import { renderReport } from '../../dist/report.js';
import { loadDetector } from './detector.mjs';
import { bold, dim, HEAD, percent, printCandidate, printTable, row } from './print.mjs';

const LIMITS = 'accuracy=0.5pp,class-recall=10pp';
/** Files of a language at most, and bytes of a file at least: the detector gives no answer below. */
const [MOST, LEAST] = [250, 20];
/** Extensions of the languages that the detector names otherwise. */
const ALIASES = { mjs: 'js', cjs: 'js', mts: 'ts', cts: 'ts', scss: 'css', yml: 'yaml', h: 'c', cc: 'cpp', hpp: 'cpp' };

const start = performance.now();
const [baseline, candidate] = ['languagedetection-float32', 'languagedetection-uint8'].map(loadDetector);
const { languages } = baseline;

/** Paths of the installed files by language. */
function installed(folder) {
  const found = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const extension = entry.isFile() ? entry.name.slice(entry.name.lastIndexOf('.') + 1) : '';
    const language = ALIASES[extension] ?? extension;
    if (!languages.includes(language)) continue;
    if (!found.has(language)) found.set(language, []);
    found.get(language).push(join(entry.parentPath ?? entry.path, entry.name));
  }
  return found;
}

const folder = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const files = [];
for (const [language, paths] of installed(folder)) {
  const step = Math.max(1, paths.length / MOST);
  paths.sort();
  for (let i = 0; i < paths.length; i += step) {
    const path = paths[Math.floor(i)];
    const text = readFileSync(path, 'utf8');
    if (text.length >= LEAST) files.push({ path, text, target: languages.indexOf(language) });
  }
}

const logitsOf = (detector) => {
  const all = new Float32Array(files.length * languages.length);
  for (const [i, { text }] of files.entries()) all.set(detector.logits(text), i * languages.length);
  return all;
};
const targets = files.map(({ target }) => target);
const comparison = new FocalComparison(new SoftmaxFocalLoss(), { classes: languages.length, hardest: 10, flips: true });
comparison.update(logitsOf(baseline), logitsOf(candidate), targets);
const report = comparison.compute();
const judgement = judge(report, parseLimits(LIMITS), { names: languages });

console.log(bold('\nSame accuracy, but the same model? A language detector as shipped in float32, then in uint8'));
console.log(
  `  ${files.length.toLocaleString('en-US')} source files, ${new Set(targets).size} languages; limits: ${LIMITS}\n`,
);
const { accuracy } = report.quality.baseline;
printTable([HEAD, ['float32', percent(accuracy), '', '', '', '', ''], row('uint8', report, judgement.verdict)]);
printCandidate('uint8 per tensor', report, judgement, languages, 'language');

const out = fileURLToPath(new URL('data/', import.meta.url));
mkdirSync(out, { recursive: true });
const title = 'VS Code’s language detector: uint8 against float32';
const texts = files.map(({ path }) => relative(folder, path));
writeFileSync(`${out}shipped.html`, renderReport(comparison.toJSON(), { title, names: languages, texts, judgement }));
writeFileSync(`${out}shipped.md`, markdown(report, judgement, { title, names: languages }));
console.log('\n  The page and the summary in Markdown: examples/compare/data/shipped.html and .md');
console.log(dim(`\n  ${((performance.now() - start) / 1000).toFixed(0)} s, offline\n`));
