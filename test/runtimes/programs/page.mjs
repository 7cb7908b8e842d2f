// Runs in a page; the query tells what, and the answer is posted back to the server that sent the page.
import { interleave, probe, SHORT, sample, steps } from './suite.js';

const query = new URLSearchParams(location.search);
const entry = query.get('entry');
/** Where the meter comes from: the same file if that is a bundle. */
const meter = query.get('meter');
const own = (cases) =>
  probe(
    () => import(entry),
    () => import(meter),
    cases,
  );
const load = async (suffix) => ({ ...(await import(entry + suffix)), ...(await import(meter + suffix)) });
const same = (reports) => {
  for (const { sha256 } of reports) if (sha256 !== reports[0].sha256) throw new Error('instances disturb each other');
};

const scenarios = {
  plain: () => own(),
  short: () => own(SHORT),
  async speed() {
    const { timeAll } = await import('./speed.js');
    return { cells: await timeAll(await import(entry), { rounds: Number(query.get('rounds')) }) };
  },
  async copies() {
    const report = await own(SHORT);
    const at = (file) => new URL(file, location.origin + entry);
    const { classWeights, create } = await import(at('module.js'));
    const module = await WebAssembly.compileStreaming(fetch(at('focal.wasm')));
    const brought = [create(module), create(module)].map((api) => ({ ...api, classWeights }));
    const copies = [...brought, await load('?1'), await load('?2')];
    same([report, ...interleave(copies.map((copy) => steps(copy, SHORT)))]);
    return report;
  },
  async worker() {
    const worker = new Worker('/web-worker.mjs', { type: 'module' });
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage({ entry, meter });
    });
  },
  async iframes() {
    const report = await own(SHORT);
    const frames = await Promise.all(
      [1, 2].map(
        () =>
          new Promise((resolve) => {
            const frame = document.createElement('iframe');
            frame.src = `/page.html?scenario=frame&${new URLSearchParams({ entry, meter })}`;
            addEventListener('message', ({ source }) => source === frame.contentWindow && resolve(frame.contentWindow));
            document.body.append(frame);
          }),
      ),
    );
    const apis = [await load(''), ...frames.map((frame) => frame.api)];
    if (new Set(apis).size !== 3) throw new Error('the frames share one module');
    same([report, ...interleave(apis.map((api) => steps(api, SHORT)))]);
    // Arrays of another frame are of another realm: `instanceof` would not know them.
    const foreign = frames[0].Float32Array.from(report.sample);
    const targets = frames[0].Int32Array.from({ length: report.sample.length / 2 }, (_, i) => i % 2);
    const loss = new apis[0].SoftmaxFocalLoss();
    if (loss.forward(foreign, targets) !== loss.forward(Float32Array.from(foreign), Array.from(targets))) {
      throw new Error('arrays of another realm give another loss');
    }
    return report;
  },
};

async function answer() {
  const scenario = query.get('scenario');
  if (scenario === 'frame') {
    window.api = await load('');
    sample(window.api);
    parent.postMessage('ready', '*');
    return;
  }
  const report = await scenarios[scenario]().catch((error) => ({ error: `${error}\n${error?.stack}` }));
  await fetch(`/report?id=${query.get('id')}`, { method: 'POST', body: JSON.stringify(report) });
}

answer();
