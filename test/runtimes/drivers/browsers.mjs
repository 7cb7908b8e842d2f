/** Chromium and Firefox through puppeteer, WebKitGTK through its own WebDriver server. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { start } from './process.mjs';
import { serveFolder } from './server.mjs';

/** No browser has a reason to reach anything but the server under test. */
const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What each process below one holds for itself, in bytes (Linux). */
function ownMemory(root) {
  const parents = new Map();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(Number(pid), Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')[1]));
    } catch {
      // it has ended
    }
  }
  const isBelow = (pid) => pid === root || (parents.has(pid) && isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow).map((pid) => {
    try {
      return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
}

/** A browser that opens pages one after another; `errors` holds what the pages complained of. */
async function launchPuppeteer(options) {
  const browser = await puppeteer.launch({ headless: true, ...options });
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  return {
    version: (await browser.version()).replace(/^\D+/, ''),
    errors,
    visit: (url) => page.goto(url),
    text: () => page.evaluate('document.body.textContent'),
    /** Run the body of an async function in the page; gives what JSON can hold. */
    evaluate: (body) => page.evaluate(`(async () => {${body}})()`),
    /** Pick files, as a person does with the dialog. */
    async pick(selector, paths) {
      const input = await page.$(selector);
      await input.uploadFile(...paths);
    },
    press: (key) => page.keyboard.press(key),
    /** Drop files from the disk, as a person does; only Chromium can be told to. */
    async drop(paths) {
      const session = await page.createCDPSession();
      const data = { items: [], files: paths, dragOperationsMask: 1 };
      for (const type of ['dragEnter', 'dragOver', 'drop']) {
        await session.send('Input.dispatchDragEvent', { type, x: 200, y: 200, data });
      }
      await session.detach();
    },
    bypassPolicy: () => page.setBypassCSP(true),
    async look(scheme, width) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await page.setViewport({ width, height: 900 });
    },
    /** The most memory that a process of the browser holds for itself while something is done, in bytes. */
    async memoryWhile(work) {
      let bytes = 0;
      const timer = setInterval(() => {
        bytes = Math.max(bytes, ...ownMemory(browser.process().pid));
      }, 200);
      try {
        const result = await work();
        return { result, bytes };
      } finally {
        clearInterval(timer);
      }
    },
    close: () => browser.close(),
  };
}

/**
 * The Chromium that comes as an npm package. It is made for AWS Lambda, where alone it unpacks the shared libraries that
 * a bare Linux lacks, so for a moment that is what the environment says; it unpacks beside the package, so that another
 * version never meets the files of this one.
 */
async function launchPackagedChromium() {
  const unpacked = fileURLToPath(new URL('../node_modules/.chromium', import.meta.url));
  await mkdir(unpacked, { recursive: true });
  const ours = { ...process.env };
  Object.assign(process.env, { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x', TMPDIR: unpacked });
  let executablePath;
  try {
    const { default: chromium } = await import('@sparticuz/chromium');
    executablePath = await chromium.executablePath();
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in ours)) delete process.env[name];
    Object.assign(process.env, ours);
  }
  const env = { ...ours, LD_LIBRARY_PATH: path.join(unpacked, 'al2023/lib') };
  return launchPuppeteer({ executablePath, args: CHROMIUM_FLAGS, env, headless: 'shell' });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The few commands of the WebDriver protocol that a test page needs, on a display of its own. */
async function launchWebKit(binary) {
  const display = await start('Xvfb', ['-displayfd', '1', '-nolisten', 'tcp'], (text) => /^(\d+)\n/.exec(text)?.[1]);
  const port = await freePort();
  const env = { DISPLAY: `:${display.value}` };
  const driver = await start('WebKitWebDriver', ['--host=127.0.0.1', `--port=${port}`], undefined, { env });
  const send = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}/session${path}`, { method, body: JSON.stringify(body) });
    const { value } = await response.json();
    if (!response.ok) throw new Error(`WebDriver ${method} ${path}: ${value.error} ${value.message}`);
    return value;
  };
  const stop = async () => {
    await driver.stop();
    await display.stop();
  };
  try {
    while (!(await fetch(`http://127.0.0.1:${port}/status`).catch(() => undefined))) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const options = { 'webkitgtk:browserOptions': { binary, args: ['--automation'] } };
    const { sessionId, capabilities } = await send('POST', '', { capabilities: { alwaysMatch: options } });
    return {
      version: capabilities.browserVersion,
      errors: [],
      visit: (url) => send('POST', `/${sessionId}/url`, { url }),
      text: () => send('POST', `/${sessionId}/execute/sync`, { script: 'return document.body.textContent', args: [] }),
      evaluate: (body) =>
        send('POST', `/${sessionId}/execute/async`, {
          script: `const [done] = arguments; (async () => {${body}})().then(done, (error) => done(String(error)));`,
          args: [],
        }),
      async pick(selector, paths) {
        const element = await send('POST', `/${sessionId}/element`, { using: 'css selector', value: selector });
        const [id] = Object.values(element);
        await send('POST', `/${sessionId}/element/${id}/value`, { text: paths.join('\n') });
      },
      async close() {
        await send('DELETE', `/${sessionId}`).finally(stop);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const firstExisting = (paths) => paths.find(existsSync);

function miniBrowser() {
  const libraries = '/usr/lib';
  const folders = existsSync(libraries) ? readdirSync(libraries).filter((name) => name.endsWith('-linux-gnu')) : [];
  return firstExisting(
    folders.flatMap((folder) =>
      ['webkit2gtk-4.1', 'webkit2gtk-4.0'].map((version) => `${libraries}/${folder}/${version}/MiniBrowser`),
    ),
  );
}

const unlessFound = (file, debianPackage) => (file ? undefined : `Debian's package ${debianPackage} is not installed`);

const SCENARIOS = [
  { name: 'plain module script', scenario: 'plain', backend: 'simd', corpus: 'full' },
  {
    name: "CSP without 'wasm-unsafe-eval'",
    scenario: 'short',
    backend: 'scalar',
    corpus: 'short',
    csp: "default-src 'self'",
  },
  {
    name: "CSP with 'wasm-unsafe-eval'",
    scenario: 'short',
    backend: 'simd',
    corpus: 'short',
    csp: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'",
  },
  { name: 'web worker', scenario: 'worker', backend: 'simd', corpus: 'short' },
  { name: 'iframes, interleaved', scenario: 'iframes', backend: 'simd', corpus: 'short' },
  { name: 'copies in one page, interleaved', scenario: 'copies', backend: 'simd', corpus: 'short' },
];

/** The browsers and how each is started; `missing` says why one cannot be. */
export function browserLaunchers() {
  const debianChromium = firstExisting(['/usr/bin/chromium']);
  const firefox = firstExisting(['/usr/bin/firefox-esr']);
  const webkit = miniBrowser();
  return [
    {
      name: 'Chromium (npm)',
      launch: launchPackagedChromium,
    },
    {
      name: 'Chromium',
      missing: unlessFound(debianChromium, 'chromium'),
      launch: () => launchPuppeteer({ executablePath: debianChromium, args: CHROMIUM_FLAGS }),
    },
    {
      name: 'Firefox',
      missing: unlessFound(firefox, 'firefox-esr'),
      launch: () => launchPuppeteer({ browser: 'firefox', executablePath: firefox }),
    },
    {
      name: 'WebKitGTK',
      missing: unlessFound(webkit, 'webkit2gtk-driver') ?? unlessFound(firstExisting(['/usr/bin/Xvfb']), 'xvfb'),
      launch: () => launchWebKit(webkit),
    },
  ];
}

export async function browserHosts({ sandbox, entry, meter, bundles }) {
  const server = await serveFolder(sandbox);
  const bundled = Object.entries(bundles).map(([bundler, { 'with the meter': everything }]) => ({
    name: `bundled by ${bundler}`,
    scenario: 'short',
    backend: 'simd',
    corpus: 'short',
    files: { entry: everything, meter: everything },
  }));
  return browserLaunchers().map(({ name, missing, launch }) => {
    let browser;
    const visit = async (parameters) => {
      const { id, report } = server.expectReport();
      browser.errors.length = 0;
      const visited = browser.visit(`${server.origin}/page.html?${new URLSearchParams({ id, ...parameters })}`);
      // together: a browser that never says that the page is there fails by the report, too
      const [answer] = await Promise.all([report, visited]).catch((error) => {
        throw new Error([error.message, ...browser.errors].join('\n'));
      });
      if (answer.error) throw new Error(answer.error);
      return answer;
    };
    return {
      name,
      missing,
      async version() {
        browser = await launch();
        return browser.version;
      },
      scenarios: [...SCENARIOS, ...bundled].map(({ scenario, csp, files = { entry, meter }, ...rest }) => ({
        ...rest,
        run: () => visit({ scenario, ...files, ...(csp && { csp }) }),
      })),
      speed: async (rounds) => (await visit({ scenario: 'speed', entry, meter, rounds })).cells,
      close: () => browser?.close(),
    };
  });
}
