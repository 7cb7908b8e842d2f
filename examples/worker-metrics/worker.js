// A Cloudflare Worker that keeps the metrics of a model in production, a Durable Object a key.
//
//   POST /?country=DE   { "logits": [[…10 numbers], …N rows], "targets": [N integers] }: count them in
//   GET  /?country=DE   the metrics of that key
//   GET  /              the metrics of all keys, as of their last alarms
//
// Counting is exact: the order of requests, restarts and folds changes no bit. A state has the size of its metrics, however
// many samples it has seen: 10 classes take less than 1 kB, 1,000 classes 12 to 20 kB, with the confusion matrix up to 1 MB;
// a sigmoid meter with curves 3 kB a class. A value in the storage of an object may have 2 MB (128 kB where it is not backed
// by SQLite), so keep `confusion` and `curves` for few classes.
import { SoftmaxFocalLoss } from 'focal-simd';
import { FocalMeter } from 'focal-simd/meter';

const CLASSES = 10;
/** The name of the object that has all keys; it is no country. */
const ALL = ' all';
/** How long an object gathers before it tells that one, in milliseconds. */
const FOLD_AFTER = 10_000;

const create = () => new FocalMeter(new SoftmaxFocalLoss(), { classes: CLASSES });

export class Metrics {
  constructor(state, env) {
    this.storage = state.storage;
    this.env = env;
    this.meter = create();
    state.blockConcurrencyWhile(async () => {
      const bytes = await this.storage.get('state');
      if (bytes) this.meter = FocalMeter.fromBytes(bytes);
    });
  }

  async fetch(request) {
    const key = new URL(request.url).searchParams.get('country');
    try {
      if (request.method === 'POST') await this.count(key, await request.json());
      if (request.method === 'PUT') await this.fold(key, new Uint8Array(await request.arrayBuffer()));
    } catch (error) {
      // no JSON; logits or targets that do not fit, of which nothing was counted
      const status = { SyntaxError: 400, TypeError: 422, RangeError: 422 }[error.name];
      if (!status) throw error;
      return Response.json({ error: error.message }, { status });
    }
    return Response.json(this.meter.compute());
  }

  /** Count a request in. What is answered is in the storage: an answer waits until its writes are there. */
  async count(key, batch) {
    if (!isBatch(batch)) throw new TypeError(`logits must be rows of ${CLASSES} numbers, targets integers`);
    const { logits, targets } = batch;
    const data = Float32Array.from(logits.flat());
    this.meter.update({ data, dims: [logits.length, CLASSES] }, targets);
    await this.storage.put({ state: this.meter.toBytes(), key });
    if ((await this.storage.getAlarm()) === null) {
      await this.storage.setAlarm(Date.now() + Number(this.env.FOLD_AFTER ?? FOLD_AFTER));
    }
  }

  /** Tell the object of all keys what has been counted so far. Where this fails, the alarm goes off again. */
  async alarm() {
    const key = await this.storage.get('key');
    const response = await object(this.env, ALL).fetch(`https://metrics/?country=${encodeURIComponent(key)}`, {
      method: 'PUT',
      body: this.meter.toBytes(),
    });
    if (!response.ok) throw new Error(`fold answered ${response.status}`);
  }

  /**
   * Put a key's state in the place of the one that it told before. An alarm may go off twice: telling the same again changes
   * nothing.
   */
  async fold(key, bytes) {
    const before = await this.storage.get(`key ${key}`);
    const all = this.meter.clone();
    if (before) all.subtract(FocalMeter.fromBytes(before));
    all.merge(FocalMeter.fromBytes(bytes));
    // both or none
    await this.storage.put({ state: all.toBytes(), [`key ${key}`]: bytes });
    this.meter = all;
  }
}

const object = (env, name) => env.METRICS.get(env.METRICS.idFromName(name));

function isBatch(batch) {
  const { logits, targets } = Object(batch);
  const isRow = (row) => Array.isArray(row) && row.length === CLASSES && row.every(Number.isFinite);
  return Array.isArray(targets) && Array.isArray(logits) && logits.every(isRow);
}

export default {
  fetch(request, env) {
    const country = new URL(request.url).searchParams.get('country');
    const refuse = (status, error) => Response.json({ error }, { status });
    if (request.method !== 'GET' && request.method !== 'POST') return refuse(405, 'POST predictions or GET metrics');
    if (request.method === 'GET' && country === null) return object(env, ALL).fetch(request);
    if (!/^[A-Z]{2}$/.test(country ?? '')) return refuse(400, '?country= must be two letters');
    return object(env, country).fetch(request);
  },
};
