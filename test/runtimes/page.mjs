/**
 * The page in every browser: files through the picker, from the disk, offline; its state is the command's, byte for byte.
 * In Chromium also a drop, a broken file, a cancel half-way, the time to the first number, the memory, axe, and the keyboard alone.
 */
import { open, readFile, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { browserLaunchers } from './drivers/browsers.mjs';
import { run } from './drivers/process.mjs';

/** A .npy file's beginning. */
function header(descr, shape) {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const text = `${dict.padEnd(64 * Math.ceil((dict.length + 11) / 64) - 11)}\n`;
  return Buffer.concat([
    Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length & 255, text.length >> 8]),
    Buffer.from(text),
  ]);
}
const npy = (descr, shape, array) => Buffer.concat([header(descr, shape), Buffer.from(array.buffer)]);

const wave = (length) => Float32Array.from({ length }, (_, i) => 6 * Math.sin(i * i * 0.37 + i));
const labels = (length, classes) => Int32Array.from({ length }, (_, i) => (i % 11 === 10 ? -100 : (i * 31) % classes));

/** The cases: files to pick. What is guessed of them is evaluated. */
async function cases(folder) {
  const file = async (name, content) => {
    const to = path.join(folder, name);
    await writeFile(to, content);
    return to;
  };
  const y = await file('y.npy', npy('<i4', [700], labels(700, 12)));
  const rows = await file('rows.npy', npy('<f4', [700, 12], wave(8400)));
  const candidate = await file(
    'candidate.npy',
    npy(
      '<f4',
      [700, 12],
      wave(8400).map((z, i) => z + Math.sin(i)),
    ),
  );
  const groups = await file('groups.txt', Array.from({ length: 700 }, (_, i) => `group ${i % 3}\n`).join(''));
  const probabilities = await file(
    'probabilities.npy',
    npy(
      '<f4',
      [700, 12],
      wave(8400).map((z) => 1 / (1 + Math.exp(-z))),
    ),
  );
  const multiHot = await file(
    'multi-hot-targets.npy',
    npy(
      '|u1',
      [700, 12],
      Uint8Array.from({ length: 8400 }, (_, i) => Number((i * 7) % 11 < 3)),
    ),
  );
  const planes = [
    await file('planes.npy', npy('<f4', [6, 5, 9, 11], wave(2970))),
    await file('planes-y.npy', npy('<i4', [6, 9, 11], labels(594, 5))),
  ];
  const one = [
    await file('one.npy', npy('<f4', [500, 1], wave(500))),
    await file(
      'one-y.npy',
      npy(
        '<i4',
        [500],
        Int32Array.from({ length: 500 }, (_, i) => (i % 9 === 8 ? -100 : (i * i) % 2)),
      ),
    ),
  ];
  const table = Array.from({ length: 300 }, (_, i) =>
    [`text ${i}`, ...wave(900).slice(3 * i, 3 * i + 3), `c${i % 3}`].join(','),
  );
  return [
    { name: 'rows', files: [rows, y] },
    { name: 'planes', files: planes },
    { name: 'one logit a sample', files: one },
    { name: 'probabilities', files: [probabilities, y] },
    { name: 'several classes a sample', files: [rows, multiHot] },
    { name: 'groups', files: [rows, y, groups] },
    { name: 'two models', files: [rows, candidate, y] },
    { name: 'two models without targets', files: [rows, candidate] },
    { name: 'a table', files: [await file('table.csv', `text,c0,c1,c2,label\n${table.join('\n')}\n`)] },
  ];
}

/** Waits in the page until `expression` is true; gives `result`. */
const until = (expression, result = 'true', seconds = 60) => `
  for (let i = 0; i < ${seconds * 20}; i++) {
    if (${expression}) return ${result};
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('in vain: ' + ${JSON.stringify(expression)} + '; the page says: ' + document.body.innerText.slice(0, 600));`;

/** What a button downloads. */
const download = (selector) => `
  const create = URL.createObjectURL;
  let blob;
  URL.createObjectURL = (one) => create.call(URL, (blob = one));
  HTMLAnchorElement.prototype.click = function () {};
  document.querySelector('${selector}').click();
  URL.createObjectURL = create;
  return await blob.text();`;

const DONE = `document.querySelector('.live[aria-busy=false] .output code')`;

/** What the page lets take away is what the commands give that it shows beside, byte for byte. */
async function checkCases({ sandbox, folder, page }, browser) {
  const cli = path.join(sandbox, 'node_modules/focal-simd/dist/cli.js');
  const passed = [];
  for (const { name, files } of await cases(folder)) {
    await browser.visit(page);
    await browser.evaluate(until(`document.querySelector('#files')`));
    await browser.pick('#files', files);
    const outcome = await browser.evaluate(until(DONE));
    if (outcome !== true) throw new Error(`${name}: ${outcome}`);
    const buttons = `[...document.querySelectorAll('.output button[id$=state]')]`;
    const shown = await browser.evaluate(
      `return [${buttons}.map(({ id }) => id), [...document.querySelectorAll('.output code')].map((code) => code.textContent)]`,
    );
    for (const [i, id] of shown[0].entries()) {
      const state = await browser.evaluate(download(`#${id}`));
      const to = path.join(folder, 'state.json');
      const [, ...words] = shown[1][i].split(' ');
      await run(process.execPath, [cli, ...words, '--state', to], { cwd: folder });
      const expected = await readFile(to, 'utf8');
      if (state !== expected) {
        const both = `${state.slice(0, 300)} … ${expected.slice(0, 300)}`;
        throw new Error(`${name}: the state is not that of ${shown[1][i]}: ${both}`);
      }
      const report = await browser.evaluate(download(`#${id.replace('state', 'report')}`));
      if (!report.startsWith('<!doctype html>'))
        throw new Error(`${name}: the report begins with ${report.slice(0, 60)}`);
      passed.push(`${shown[1][i]}: ${state.length} bytes`);
    }
  }
  if (browser.errors.length > 0) throw new Error(browser.errors.join('\n'));
  return passed.join(', ');
}

async function checkMishaps({ folder, page }, browser) {
  const start = async () => {
    await browser.visit(page);
    await browser.evaluate(until(`document.querySelector('#files')`));
  };
  await start();
  const dropped = path.join(folder, 'dropped.csv');
  await writeFile(dropped, 'a,b,label\n1,2,0\n3,4,1\n');
  await browser.drop([dropped]);
  await browser.evaluate(until(DONE));
  const broken = path.join(folder, 'broken.npy');
  await writeFile(broken, npy('<f4', [700, 12], wave(8400)).subarray(0, 9000));
  await start();
  await browser.pick('#files', [broken]);
  const said = await browser.evaluate(
    until(`document.querySelector('.error')`, `document.querySelector('.error').textContent`),
  );
  if (!/^broken\.npy: truncated/.test(said)) throw new Error(`a broken file: ${said}`);
  const high = path.join(folder, 'high.npy');
  const wrong = labels(700, 12);
  wrong[321] = 99;
  await writeFile(high, npy('<i4', [700], wrong));
  await start();
  await browser.pick('#files', [path.join(folder, 'rows.npy'), high]);
  const label = await browser.evaluate(
    until(`document.querySelector('.error')`, `document.querySelector('.error').textContent`),
  );
  if (!/^high\.npy: targets\[321\]/.test(label)) throw new Error(`a bad label: ${label}`);
  return `a drop; "${said}"; "${label}"`;
}

/** 2 GB of logits, most of them zeros that no disk holds: cancelled half-way, then to the end with the memory measured. */
async function checkLarge({ folder, page }, browser) {
  const classes = 1000;
  const samples = 512_000;
  const big = path.join(folder, 'big.npy');
  const head = header('<f4', [samples, classes]);
  await writeFile(big, head);
  await truncate(big, head.length + 4 * samples * classes);
  const patch = await open(big, 'r+');
  for (let i = 0; i < samples; i += 1009)
    await patch.write(Buffer.from(Float32Array.of(3).buffer), 0, 4, head.length + 4 * (i * classes + (i % classes)));
  await patch.close();
  const targets = path.join(folder, 'big-y.npy');
  await writeFile(
    targets,
    npy(
      '<i4',
      [samples],
      Int32Array.from({ length: samples }, (_, i) => i % classes),
    ),
  );
  await browser.visit(page);
  await browser.evaluate(until(`document.querySelector('#files')`));
  await browser.pick('#files', [big, targets]);
  await browser.evaluate(until(`document.querySelector('.running progress')?.value > 0.3`, 'true', 120));
  await browser.evaluate(`[...document.querySelectorAll('.running button')].at(-1).click()`);
  await browser.evaluate(until(`!document.querySelector('.running') && !document.querySelector('.live')`));
  await browser.evaluate(`document.querySelector('.controls button[type=submit]').click()`);
  const most = await browser.memoryWhile(() =>
    browser.evaluate(until(DONE, `document.querySelector('#took').textContent`, 240)),
  );
  if (most.bytes > 700e6) throw new Error(`2 GB of logits took ${Math.round(most.bytes / 1e6)} MB`);
  return `cancelled at 30 %; ${most.result}; at most ${Math.round(most.bytes / 1e6)} MB in the page's process`;
}

async function checkAxe({ page }, browser) {
  const require = createRequire(import.meta.url);
  const axe = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');
  await browser.bypassPolicy();
  const found = [];
  for (const scheme of ['light', 'dark']) {
    for (const width of [360, 1280]) {
      await browser.look(scheme, width);
      await browser.visit(page);
      await browser.evaluate(until(`document.querySelector('#sample')`));
      await browser.evaluate(`document.querySelector('#sample').click()`);
      await browser.evaluate(until(DONE));
      await browser.evaluate(`${axe}; window.axe = axe;`);
      const violations = await browser.evaluate(
        `return (await window.axe.run()).violations.map(({ id, impact }) => impact + ' ' + id)`,
      );
      found.push(...violations.map((one) => `${scheme} ${width}: ${one}`));
      const wide = await browser.evaluate('return document.documentElement.scrollWidth - innerWidth');
      if (wide > 0) found.push(`${scheme} ${width}: ${wide} pixels too wide`);
    }
  }
  if (found.length > 0) throw new Error(found.join('; '));
  return 'axe finds nothing at 360 and 1280 pixels, light and dark';
}

/** Where the keyboard is: whether one can see it, and what it is on. */
const FOCUS = `
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const { width, height, top, bottom } = element.getBoundingClientRect();
  const name = element.getAttribute('aria-label') ?? element.id;
  return {
    what: element.tagName + ' ' + (name || element.textContent.slice(0, 40)),
    body: element === document.body,
    matrix: element.matches('.matrix button'),
    threshold: element.id === 'threshold',
    visible: outlineStyle !== 'none' && parseFloat(outlineWidth) > 0 && width > 0 && height > 0 && bottom > 0 && top < innerHeight,
  };`;

/** The page by the keyboard alone: from the sample to the samples of a cell, and the threshold. */
async function checkKeyboard({ folder, page }, browser) {
  const focus = () => browser.evaluate(FOCUS);
  /** Press Tab until something has the focus; everything on the way must be seen to have it. */
  const tabTo = async (wanted) => {
    for (let i = 0; i < 200; i++) {
      await browser.press('Tab');
      let at = await focus();
      // a busy machine scrolls a little later
      for (let wait = 0; wait < 50 && !at.body && !at.visible; wait++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        at = await focus();
      }
      if (!at.body && !at.visible) throw new Error(`the focus cannot be seen on ${at.what}`);
      if (wanted(at)) return at;
    }
    throw new Error('Tab does not lead there');
  };
  await browser.visit(page);
  await browser.evaluate(until(`document.querySelector('#sample')`));
  await tabTo(({ what }) => what === 'BUTTON sample');
  await browser.press('Enter');
  await browser.evaluate(until(DONE));
  if ((await focus()).body) throw new Error('the focus is lost with the button that was pressed');
  const before = await tabTo(({ matrix }) => matrix);
  await browser.press('ArrowRight');
  await browser.press('ArrowDown');
  const after = await focus();
  if (!after.matrix || after.what === before.what)
    throw new Error(`arrow keys lead from ${before.what} to ${after.what}`);
  await browser.press('Enter');
  const cell = await browser.evaluate(
    until(`document.querySelector('.cell .samples li')`, `document.querySelector('.cell h3').textContent`),
  );
  await tabTo(({ body }) => body);
  await browser.visit(page);
  await browser.evaluate(until(`document.querySelector('#files')`));
  await browser.pick('#files', [path.join(folder, 'one.npy'), path.join(folder, 'one-y.npy')]);
  await browser.evaluate(until(DONE));
  await tabTo(({ threshold }) => threshold);
  const figures = `return document.querySelector('.figures').textContent`;
  const evaluated = await browser.evaluate(figures);
  for (let i = 0; i < 20; i++) await browser.press('ArrowRight');
  if ((await browser.evaluate(figures)) === evaluated) throw new Error('the threshold moves no number');
  return `${before.what}, ${after.what}, ${cell}`;
}

async function checkSpeed({ folder, page }, browser) {
  const files = [path.join(folder, 'm.npy'), path.join(folder, 'm-y.npy')];
  await writeFile(files[0], npy('<f4', [10_000, 100], wave(1_000_000)));
  await writeFile(files[1], npy('<i4', [10_000], labels(10_000, 100)));
  await browser.visit(page);
  await browser.evaluate(until(`document.querySelector('#files')`));
  await browser.pick('#files', files);
  const took = await browser.evaluate(until(DONE, `Number(document.querySelector('.live').dataset.took)`));
  if (!(took <= 1000)) throw new Error(`the first number came after ${took} ms`);
  return `first number on 1 M logits after ${Math.round(took)} ms`;
}

export function pageChecks({ sandbox }) {
  const folder = sandbox;
  const page = pathToFileURL(path.join(sandbox, 'focal.html')).href;
  const context = { sandbox, folder, page };
  const checked = (browser, check) => async () => {
    await run(process.execPath, [
      path.join(sandbox, 'node_modules/focal-simd/dist/cli.js'),
      'page',
      '--output',
      path.join(sandbox, 'focal.html'),
    ]);
    const opened = await browser.launch();
    try {
      return await check(context, opened);
    } finally {
      await opened.close();
    }
  };
  return browserLaunchers()
    .filter(({ missing }) => !missing)
    .flatMap((browser) => {
      const all = [{ name: `the page in ${browser.name}: the command's states`, check: checked(browser, checkCases) }];
      if (browser.name !== 'Chromium') return all;
      return [
        ...all,
        { name: `the page in ${browser.name}: mishaps`, check: checked(browser, checkMishaps) },
        { name: `the page in ${browser.name}: speed`, check: checked(browser, checkSpeed) },
        { name: `the page in ${browser.name}: 2 GB`, check: checked(browser, checkLarge) },
        { name: `the page in ${browser.name}: axe`, check: checked(browser, checkAxe) },
        { name: `the page in ${browser.name}: keyboard`, check: checked(browser, checkKeyboard) },
      ];
    });
}
