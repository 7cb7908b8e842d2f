/** The examples of the repository, run as a reader would run them. */
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { commandLines } from './drivers/command-line.mjs';
import { run } from './drivers/process.mjs';
import { bundleWorker, serve } from './drivers/workerd.mjs';

const SAMPLES = 500;
const CLASSES = 10;
const logits = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => ((i * 7919) % 1024) / 128 - 4);
const targets = Int32Array.from({ length: SAMPLES }, (_, i) => (i * 31) % CLASSES);

const json = (body) => ({
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const binary = (body) => ({ headers: { 'content-type': 'application/octet-stream' }, body });
const good = {
  logits: [
    [2, -1, 0.5],
    [0.1, 3.2, -0.7],
  ],
  targets: [0, 1],
};

/** What the Worker must answer: [title, path, request, status, part of the reason or the loss]. */
const requests = (api) => [
  [
    'JSON',
    '/',
    json(good),
    200,
    new api.SoftmaxFocalLoss().forward(Float32Array.of(2, -1, 0.5, 0.1, 3.2, -0.7), [0, 1]),
  ],
  [
    'JSON with options',
    '/',
    json({ ...good, loss: 'sigmoid', options: { gamma: 1, reduction: 'sum' } }),
    200,
    new api.SigmoidFocalLoss({ gamma: 1, reduction: 'sum' }).forward(
      Float32Array.of(2, -1, 0.5, 0.1, 3.2, -0.7),
      [0, 1],
    ),
  ],
  [
    'binary',
    `/?classes=${CLASSES}`,
    binary(new Blob([targets, logits])),
    200,
    new api.SoftmaxFocalLoss().forward(logits, targets),
  ],
  [
    'a content type in capitals, with a parameter',
    '/',
    { ...json(good), headers: { 'content-type': 'Application/JSON ; Charset=UTF-8' } },
    200,
    new api.SoftmaxFocalLoss().forward(Float32Array.of(2, -1, 0.5, 0.1, 3.2, -0.7), [0, 1]),
  ],
  ['empty batch', '/', json({ logits: [], targets: [] }), 200, 0],
  ['GET', '/', { method: 'GET' }, 405, 'POST'],
  ['no content type', '/', { body: new Uint8Array(4) }, 415, 'content-type'],
  ['text', '/', { body: 'logits' }, 415, 'content-type'],
  ['malformed JSON', '/', json('{"logits": [[1,'), 400, 'JSON'],
  ['JSON of another kind', '/', json('null'), 400, 'rows'],
  ['no logits', '/', json({ targets: [0] }), 400, 'rows'],
  ['ragged rows', '/', json({ logits: [[1, 2], [3]], targets: [0, 0] }), 400, 'rows of one length'],
  ['logits as text', '/', json({ logits: [['1', '2']], targets: [0] }), 400, 'numbers'],
  ['label out of range', '/', json({ ...good, targets: [0, 7] }), 422, 'targets[1]'],
  ['fractional label', '/', json({ ...good, targets: [0, 0.5] }), 422, 'targets[1]'],
  ['no targets', '/', json({ logits: good.logits }), 400, 'targets'],
  ['targets as a tensor', '/', json({ ...good, targets: { data: [0], dims: { length: 2 ** 25 } } }), 400, 'targets'],
  ['wrong number of targets', '/', json({ ...good, targets: [0] }), 422, 'targets'],
  ['negative γ', '/', json({ ...good, options: { gamma: -1 } }), 422, 'gamma'],
  ['unknown loss', '/', json({ ...good, loss: 'constructor' }), 400, 'softmax'],
  ['no classes', '/', binary(new Uint8Array(44)), 400, 'classes'],
  ['truncated', `/?classes=${CLASSES}`, binary(new Uint8Array(47)), 400, '47 bytes'],
  ['oversized JSON', '/', json(' '.repeat((1 << 20) + 1)), 413, 'larger'],
  ['oversized', `/?classes=${CLASSES}`, binary(new Uint8Array((8 << 20) + 44)), 413, 'larger'],
];

async function checkWorker({ sandbox }, api) {
  const folder = path.join(sandbox, 'example-worker');
  await bundleWorker(path.join(sandbox, 'examples/worker/worker.js'), folder, { date: '2026-01-01' });
  const server = await serve(folder);
  try {
    for (const [title, to, request, status, expected] of requests(api)) {
      const response = await fetch(server.url + to, { method: 'POST', ...request });
      const answer = await response.json();
      const right =
        status === 200 ? answer.loss === expected && answer.backend === 'simd' : answer.error.includes(expected);
      if (response.status !== status || !right) {
        throw new Error(`${title}: expected ${status} ${expected}, got ${response.status} ${JSON.stringify(answer)}`);
      }
    }
  } finally {
    await server.stop();
  }
  return `${requests(api).length} requests answered`;
}

/** Requests to the objects of several keys, restarts and alarms must give the very metrics of one meter in this process. */
async function checkMetrics({ sandbox }, { SoftmaxFocalLoss, FocalMeter }) {
  const folder = path.join(sandbox, 'example-worker-metrics');
  await bundleWorker(path.join(sandbox, 'examples/worker-metrics/worker.js'), folder, {
    date: '2026-01-01',
    objects: { METRICS: 'Metrics' },
    variables: { FOLD_AFTER: '100' },
  });
  const make = () => new FocalMeter(new SoftmaxFocalLoss(), { classes: CLASSES });
  const meters = { DE: make(), FR: make(), all: make() };
  const expect = (title, got, meter) => {
    const expected = JSON.stringify(meter.compute());
    if (JSON.stringify(got) !== expected) throw new Error(`${title}: expected ${expected}, got ${JSON.stringify(got)}`);
  };
  const batch = (first, samples) => ({
    logits: Array.from({ length: samples }, (_, i) => [
      ...logits.subarray((first + i) * CLASSES, (first + i + 1) * CLASSES),
    ]),
    targets: [...targets.subarray(first, first + samples)],
  });
  let server = await serve(folder);
  let sent = 0;
  try {
    for (const [country, samples] of [
      ['DE', 7],
      ['FR', 1],
      ['DE', 20],
      ['FR', 64],
      ['DE', 3],
    ]) {
      const { logits: rows, targets: labels } = batch(sent, samples);
      for (const meter of [meters[country], meters.all]) {
        meter.update({ data: Float32Array.from(rows.flat()), dims: [samples, CLASSES] }, labels);
      }
      const response = await fetch(`${server.url}/?country=${country}`, {
        method: 'POST',
        ...json(batch(sent, samples)),
      });
      expect(`POST ${country}`, await response.json(), meters[country]);
      sent += samples;
      // what was answered is in the storage
      if (sent > 25 && sent < 30) {
        await server.stop();
        server = await serve(folder);
      }
    }
    for (const [path_, body, status] of [
      ['/', good, 400],
      ['/?country=deu', good, 400],
      ['/?country=DE', '{"logits": [[1,', 400],
      ['/?country=DE', null, 422],
      ['/?country=DE', good, 422],
      ['/?country=DE', { ...batch(0, 2), targets: [0, 70] }, 422],
    ]) {
      const response = await fetch(server.url + path_, { method: 'POST', ...json(body) });
      if (response.status !== status) throw new Error(`${path_}: expected ${status}, got ${response.status}`);
      await response.body?.cancel();
    }
    for (const country of ['DE', 'FR']) {
      expect(`GET ${country}`, await (await fetch(`${server.url}/?country=${country}`)).json(), meters[country]);
    }
    // alarms have folded both keys
    let all;
    for (let i = 0; i < 100 && all?.samples !== sent; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      all = await (await fetch(server.url)).json();
    }
    expect('GET', all, meters.all);
  } finally {
    await server.stop();
  }
  return `${sent} samples of two keys, a restart, folded by alarms`;
}

async function checkScript(name, script, { sandbox }, expected) {
  const { command, args, env } = commandLines.find((host) => host.name === name);
  if (!command) throw new Error(`${name} is not installed`);
  await writeFile(path.join(sandbox, 'logits.f32'), logits);
  await writeFile(path.join(sandbox, 'targets.i32'), targets);
  const printed = await run(command, [...args, script, 'logits.f32', 'targets.i32', String(CLASSES)], {
    cwd: sandbox,
    env,
  });
  for (const line of expected) if (!printed.includes(line)) throw new Error(`expected '${line}' in\n${printed}`);
  return printed.trim().split('\n').join('; ');
}

export function exampleChecks(context) {
  const load = (entry = 'focal-simd') =>
    import(pathToFileURL(createRequire(path.join(context.sandbox, 'package.json')).resolve(entry)));
  const value = (loss) => loss.forward(logits, targets).toPrecision(8);
  return [
    { name: 'examples/worker in workerd', check: async () => checkWorker(context, await load()) },
    {
      name: 'examples/worker-metrics in workerd',
      check: async () => checkMetrics(context, { ...(await load()), ...(await load('focal-simd/meter')) }),
    },
    {
      name: 'examples/deno',
      check: async () => {
        const { SoftmaxFocalLoss } = await load();
        const lines = [0, 1, 2, 5].map((gamma) => `γ = ${gamma}: ${value(new SoftmaxFocalLoss({ gamma }))}`);
        return checkScript('Deno', 'examples/deno/main.js', context, [...lines, 'backend simd']);
      },
    },
    {
      name: 'examples/bun',
      check: async () => {
        const { SoftmaxFocalLoss, SigmoidFocalLoss } = await load();
        const lines = [`softmax: ${value(new SoftmaxFocalLoss())}`, `sigmoid: ${value(new SigmoidFocalLoss())}`];
        return checkScript('Bun', 'examples/bun/main.js', context, [...lines, 'backend simd']);
      },
    },
  ];
}
