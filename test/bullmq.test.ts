import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FlowProducer, QueueEvents } from 'bullmq';
import { dump } from 'npyjs';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  addEvaluation,
  type Evaluation,
  folderStorage,
  type Manifest,
  manifestOf,
  mergeProcessor,
  shardProcessor,
} from '../bindings/entries/bullmq.ts';
import { evaluateShard } from '../bindings/entries/node.ts';
import { Random } from './random.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), 'focal-simd-queue-'));
const at = (name: string) => join(folder, name);
const OPTIONS = { loss: { name: 'softmax' }, meter: { hardest: 5, confusion: true } } as const;

// 20 uneven shards of one evaluation
const SHARDS = 20;
const CLASSES = 6;
const random = new Random(11);
const sizes = Array.from({ length: SHARDS }, () => 1 + random.below(900));
const files = sizes.map((samples, i) => {
  writeFileSync(at(`z${i}.npy`), new Uint8Array(dump(random.logits(samples * CLASSES, 3, 0), [samples, CLASSES])));
  writeFileSync(at(`y${i}.npy`), new Uint8Array(dump(random.labels(samples, CLASSES))));
  return { logits: at(`z${i}.npy`), targets: at(`y${i}.npy`) };
});
const manifest = await manifestOf(files);

/** The bytes of one process over the shards, but the one that is left out. */
async function alone(leaveOut = -1): Promise<Uint8Array> {
  let all: Awaited<ReturnType<typeof evaluateShard>>['meter'] | null = null;
  for (const [i, { firstIndex, samples: _, ...shard }] of manifest.shards.entries()) {
    if (i === leaveOut) continue;
    const { meter } = await evaluateShard(shard, {
      ...OPTIONS,
      meter: { ...OPTIONS.meter, coverage: true },
      firstIndex,
    });
    if (all) all.merge(meter);
    else all = meter;
  }
  return all!.toBytes();
}
const expected = await alone();

describe('without a queue', () => {
  const flow = { add: () => Promise.reject(new Error('nothing is added')) } as never;
  const shards = manifest.shards;
  test.each([
    [
      'a shard twice',
      { shards: [...shards, shards[3]!] },
      /manifest expected shards of different samples; .*z3\.npy.* begins at \d+, got .*z3\.npy/,
    ],
    [
      'a shard missing',
      { shards: shards.filter((_, i) => i !== 3) },
      /manifest expected shards that have every sample, got none of samples \d+ to \d+, before .*z4\.npy/,
    ],
    ['the first one missing', { shards: shards.slice(1) }, /none of samples 0 to \d+, before .*z1\.npy/],
    ['no shard', { shards: [] }, /manifest\.shards expected at least one shard/],
    ['no manifest', null, /manifest expected an object/],
    [
      'a shard without its samples',
      { shards: [{ ...shards[0], samples: undefined }] },
      /manifest\.shards\[0\]\.samples expected/,
    ],
  ] as [string, never, RegExp][])('%s', async (_, given, message) => {
    await expect(addEvaluation(flow, given, OPTIONS)).rejects.toThrow(message);
  });

  test('options', async () => {
    await expect(addEvaluation({} as never, manifest, OPTIONS)).rejects.toThrow(/flowProducer expected a FlowProducer/);
    await expect(addEvaluation(flow, manifest, { ...OPTIONS, fanin: 2 } as never)).rejects.toThrow(
      /options expected only/,
    );
    await expect(addEvaluation(flow, manifest, { ...OPTIONS, fanIn: 1 })).rejects.toThrow(
      /fanIn expected an integer ≥ 2/,
    );
  });

  const result = async (i: number, spec = {}) => {
    const shard = manifest.shards[i]!;
    return shardProcessor()({ data: { ...OPTIONS, meter: { coverage: true }, ...spec, shard } } as never);
  };
  const merging = (values: unknown[], data = {}) =>
    mergeProcessor()({
      data,
      getChildrenValues: async () => Object.fromEntries(values.map((value, i) => [i, value])),
    } as never);
  test('a merge refuses states of other options, of samples twice, and holes at the root', async () => {
    const [a, b] = [await result(0), await result(1)];
    const other = await result(2, { loss: { name: 'softmax', gamma: 3 } });
    await expect(merging([a, b, other])).rejects.toThrow(/gamma expected 2, got 3/);
    await expect(merging([a, b, a])).rejects.toThrow(/samples|overlap|twice|counted/);
    await expect(merging([a, b], { samples: 10_000 })).rejects.toThrow(
      /the root expected all 10000 samples, got none of \d+ to 9999/,
    );
    await expect(merging([a, b])).resolves.toMatchObject({ samples: sizes[0]! + sizes[1]! });
    await expect(merging([a, b, a])).rejects.toMatchObject({ name: 'UnrecoverableError' });
  });

  test('a shard of other samples than the manifest says, and a state that is not there', async () => {
    const shard = { ...manifest.shards[0]!, samples: 5000 };
    await expect(shardProcessor()({ data: { ...OPTIONS, shard } } as never)).rejects.toThrow(
      /z0\.npy.* has \d+ samples, the manifest says 5000/,
    );
    const storage = folderStorage(at('states'));
    const large = await shardProcessor({ storage, inlineLimit: 10 })({
      data: { ...OPTIONS, shard: manifest.shards[0] },
    } as never);
    expect(large).toMatchObject({ key: expect.stringMatching(/^focal-state-[0-9a-f]{64}$/) });
    await expect(merging([large])).rejects.toThrow(/storage expected the one that has state focal-state/);
  });
});

/** How the engine refuses what comes from a worker that has lost its lock. */
const LATE = /Missing (lock|key)|could not renew lock/;

const redis = spawnSync('redis-server', ['--version']).status === 0;
if (!redis) console.log('skipped: the tests of the queue itself, as redis-server is not installed');

describe.skipIf(!redis)('on Redis', () => {
  const socket = at('redis.sock');
  let server: ChildProcess;
  async function startRedis(): Promise<void> {
    mkdirSync(at('redis'), { recursive: true });
    const args = [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--dir',
      at('redis'),
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ];
    server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: server.stdout! })) {
      if (/ready to accept connections/i.test(line)) break;
    }
    server.stdout!.resume();
  }

  interface Event {
    begin?: string;
    end?: string;
    name?: string;
    error?: string;
    inline?: boolean;
    rss: number;
  }
  /** Worker processes with what they say. */
  class Machine {
    readonly events: Event[] = [];
    readonly child: ChildProcess;
    constructor(hold: number, states = '') {
      const program = fileURLToPath(new URL('bullmq/worker.mjs', import.meta.url));
      this.child = spawn(process.execPath, [program, socket, `${hold}`, states], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      machines.push(this);
      createInterface({ input: this.child.stdout! }).on('line', (line) => {
        this.events.push(JSON.parse(line));
        for (const wake of waiting) wake();
      });
    }
    get begun(): Event[] {
      return this.events.filter(({ begin, name }) => begin && name === 'shard');
    }
    /** Whether it has begun a shard and not ended it. */
    get holds(): boolean {
      const last = this.begun.at(-1);
      return last !== undefined && !this.events.some(({ end }) => end === last.begin);
    }
  }
  let machines: Machine[] = [];
  const waiting = new Set<() => void>();
  async function until(is: () => boolean): Promise<void> {
    while (!is()) await new Promise<void>((resolve) => waiting.add(resolve));
  }
  const begun = () => machines.reduce((sum, machine) => sum + machine.begun.length, 0);

  let flow: FlowProducer;
  let events: QueueEvents;
  const connection = { path: socket, maxRetriesPerRequest: null };
  beforeAll(async () => {
    await startRedis();
    flow = new FlowProducer({ connection });
    events = new QueueEvents('focal-simd-merges', { connection });
    flow.on('error', () => {});
    events.on('error', () => {});
    await events.waitUntilReady();
  });
  afterEach(() => {
    for (const { child } of machines) child.kill('SIGKILL');
    machines = [];
  });
  afterAll(async () => {
    await Promise.all([flow?.close(), events?.close()]);
    server?.kill('SIGKILL');
  });
  let runs = 0;
  const start = (given: Manifest = manifest, more = {}): Promise<Evaluation> =>
    addEvaluation(flow, given, { ...OPTIONS, fanIn: 4, id: `${runs++}`, ...more });

  test('the bytes of one process; a shard that is left out on purpose shows', async () => {
    for (let i = 0; i < 2; i++) new Machine(0);
    const meter = await (await start()).finished(events);
    expect(meter.toBytes()).toEqual(expected);
    expect(begun()).toBe(SHARDS);
    expect(await alone(7)).not.toEqual(meter.toBytes());
    expect(meter.compute().missing).toEqual([]);
  });

  test('a worker killed while it holds a shard, another frozen beyond its lock and thawed later', async () => {
    const [killed, frozen] = [new Machine(500), new Machine(500)];
    const evaluation = await start();
    await until(() => killed.holds);
    killed.child.kill('SIGKILL');
    expect(killed.holds).toBe(true);
    await until(() => frozen.holds);
    frozen.child.kill('SIGSTOP');
    const held = frozen.begun.at(-1)!.begin!;
    const other = new Machine(100);
    // the other one has begun what the frozen one holds, and holds it itself when that comes back
    await until(() => other.begun.some(({ begin }) => begin === held));
    frozen.child.kill('SIGCONT');
    const meter = await evaluation.finished(events);
    expect(meter.toBytes()).toEqual(expected);
    expect(begun()).toBeGreaterThan(SHARDS);
    await until(() => frozen.events.some(({ error }) => LATE.test(error ?? '')));
    console.log(
      `killed and frozen: ${begun()} starts of ${SHARDS} shards; refused: ${frozen.events.find(({ error }) => LATE.test(error ?? ''))!.error}`,
    );
  });

  test('Redis killed, and restarted from its log', async () => {
    for (let i = 0; i < 2; i++) new Machine(400);
    const evaluation = await start();
    await until(() => machines.every((machine) => machine.begun.length > 1 && machine.holds));
    server.kill('SIGKILL');
    await once(server, 'exit');
    // longer than a lock lasts
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await startRedis();
    const meter = await evaluation.finished(events);
    expect(meter.toBytes()).toEqual(expected);
    expect(begun()).toBeGreaterThan(SHARDS);
    console.log(`Redis killed: ${begun()} starts of ${SHARDS} shards`);
  });

  test('a file that is not there fails the root within seconds, by its name', async () => {
    for (let i = 0; i < 2; i++) new Machine(200);
    const shards = manifest.shards.map((shard, i) => (i === 13 ? { ...shard, logits: at('gone.npy') } : shard));
    const from = Date.now();
    const run = (await start({ shards } as Manifest)).finished(events);
    await expect(run).rejects.toThrow(/gone\.npy: no such file or folder/);
    expect(Date.now() - from).toBeLessThan(30_000);
  });

  test('the same evaluation again gives its result again, another loss another', async () => {
    for (let i = 0; i < 2; i++) new Machine(0);
    const again = { id: 'again' };
    await (await start(manifest, again)).finished(events);
    const meter = await (await start(manifest, again)).finished(events);
    expect(meter.toBytes()).toEqual(expected);
    const other = await (await start(manifest, { ...again, loss: { name: 'softmax', gamma: 0 } })).finished(events);
    expect(other.toBytes()).not.toEqual(expected);
  });

  test('large states lie in the storage; memory is flat as shards grow in number and in size', async () => {
    const states = at('shared');
    new Machine(0, states);
    const storage = folderStorage(states);
    const meter = await (await start()).finished(events, { storage });
    expect(meter.toBytes()).toEqual(expected);
    expect(machines[0]!.events.every(({ inline }) => inline !== true)).toBe(true);
    const before = Math.max(...machines[0]!.events.map(({ rss }) => rss));

    // 48 MB of logits a shard, of zeros that take no place on the disk
    const samples = 2_400_000;
    const sparse = (name: string, descr: string, shape: string, data: number) => {
      const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117);
      writeFileSync(at(name), Buffer.from(`\x93NUMPY\x01\x00\x76\x00${header}\n`, 'latin1'));
      truncateSync(at(name), 128 + data);
      return at(name);
    };
    const logits = sparse('large-z.npy', '<f2', `(${samples}, 10)`, samples * 20);
    const targets = sparse('large-y.npy', '|u1', `(${samples},)`, samples);
    const large = Array.from({ length: 3 }, (_, i) => ({ logits, targets, firstIndex: i * samples, samples }));
    const many = Array.from({ length: 60 }, (_, i) => ({
      ...files[0]!,
      firstIndex: i * sizes[0]!,
      samples: sizes[0]!,
    }));
    for (const shards of [large, many]) {
      const all = await (await start({ shards })).finished(events, { storage });
      expect(all.compute().samples).toBe(shards.length * shards[0]!.samples);
    }
    const after = Math.max(...machines[0]!.events.map(({ rss }) => rss));
    console.log(`memory: ${before >> 20} MB, then ${after >> 20} MB with 48 MB a shard and 60 shards`);
    expect(after - before).toBeLessThan(60 << 20);
  });
});
