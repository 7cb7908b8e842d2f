import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dump } from 'npyjs';
import { describe, expect, test } from 'vitest';
import {
  countTargets,
  evaluateShard,
  FileError,
  type Files,
  fromBytes,
  fromStream,
  fromURL,
  inspect,
  openArray,
  openDataset,
  type Source,
} from '../bindings/entries/files.ts';
import { SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import { npy } from './numpy.ts';

const path = (name: string) => fileURLToPath(new URL(`files/${name}`, import.meta.url));
const bytes = (name: string) => new Uint8Array(readFileSync(path(name)));
const expected = JSON.parse(readFileSync(path('expected.json'), 'utf8'));
const SOFTMAX = { loss: { name: 'softmax' }, meter: { hardest: 5, confusion: true } } as const;

/** A file of the folder as a source of bytes. */
const file = (name: string): Source => fromBytes(bytes(name), name);
/** The same as a stream that comes in pieces of odd lengths. */
const stream = (name: string, size = Infinity): Source =>
  fromStream(
    name,
    async function* () {
      const all = bytes(name);
      for (let at = 0, step = 1; at < all.length; at += step, step = (step * 7) % 97) yield all.subarray(at, at + step);
    },
    size,
  );

/** The state of a meter that was given the numbers directly. */
function state(z: number[], dims: number[], y: number[]): Uint8Array {
  const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, ...SOFTMAX.meter });
  meter.update({ data: Float32Array.from(z), dims }, y);
  return meter.toBytes();
}
const ROWS = state(expected.z, [50, 3], expected.y);
const PLANES = state(expected.planes, [2, 3, 4], expected.planesY);

const evaluated = async (files: Files, options = {}): Promise<Uint8Array> =>
  (await evaluateShard(files, { ...SOFTMAX, ...options })).meter.toBytes();

describe('arrays that numpy wrote', () => {
  const rows = [
    'rows',
    'rows-float16-v3',
    'rows-float64-v2',
    'rows-big',
    'rows-big64',
    'rows-bfloat16',
    'rows-fortran',
  ];
  const targets = ['y-int64', 'y-big', 'y-column', 'y-float'];
  test.each([
    ...[...rows, 'rows-fortran-big'].map((logits) => [logits, 'y-int64']),
    ...targets.map((y) => ['rows', y]),
  ])('%s, %s', async (logits, y) => {
    for (const open of [file, stream]) {
      const files = { logits: open(`${logits}.npy`), targets: open(`${y}.npy`) };
      // whole, a few samples at a time, one at a time
      for (const chunk of open === file ? [undefined, 100, 1] : [50]) {
        expect(await evaluated(files, { bytes: chunk })).toEqual(ROWS);
      }
    }
  });

  test.each([
    ['planes', 'planes-y', 1],
    ['planes-fortran', 'planes-y-fortran', 1],
    ['planes', 'planes-y-column', 1],
    ['planes-last', 'planes-y', -1],
    ['planes-last-fortran', 'planes-y-fortran', -1],
  ] as const)('images: %s, %s, class axis %d', async (logits, y, classAxis) => {
    for (const open of [file, stream]) {
      const dataset = await openDataset({ logits: open(`${logits}.npy`), targets: open(`${y}.npy`) }, { classAxis });
      const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, ...SOFTMAX.meter });
      for await (const { logits, targets, first } of dataset.chunks(0, undefined, { bytes: 30 })) {
        meter.update(logits, targets, { firstIndex: first });
      }
      expect(meter.toBytes()).toEqual(PLANES);
    }
  });

  test.each(['rows', 'rows-fortran', 'planes'])('any range of %s', async (logits) => {
    const y = logits === 'planes' ? 'planes-y.npy' : 'y-int64.npy';
    const dataset = await openDataset({ logits: file(`${logits}.npy`), targets: file(y) });
    const { samples } = dataset;
    for (const bytes of [1, 40, 1 << 20]) {
      for (let from = 0; from < samples!; from += 3) {
        const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, ...SOFTMAX.meter });
        let next = from;
        for (const [a, b] of [
          [from, samples!],
          [0, from],
        ] as const) {
          if (a === 0) next = 0;
          for await (const chunk of dataset.chunks(a, b, { bytes })) {
            expect(chunk.first).toBe(next);
            next += chunk.samples;
            meter.update(chunk.logits, chunk.targets, { firstIndex: chunk.first });
          }
          expect(next).toBe(b);
        }
        expect(meter.toBytes()).toEqual(logits === 'planes' ? PLANES : ROWS);
      }
    }
  });

  const sizes = [1, 2, 3];
  const shapes = sizes.flatMap((b) =>
    sizes.flatMap((c) => [[b, c], ...sizes.flatMap((d) => [[b, c, d], ...sizes.map((e) => [b, c, d, e])])]),
  );
  test.each([1, -1] as const)('any shape in any order of axes, class axis %d', async (classAxis) => {
    for (const dims of shapes) {
      const [b = 1, classes = 1, ...rest] = dims;
      const shape = classAxis === 1 ? dims : [b, ...rest, classes];
      const sampleDims = [b, ...rest];
      const positions = rest.reduce((n, d) => n * d, 1);
      const samples = b * positions;
      /** Where the logit of a class of a sample is among numbers in C order. */
      const at = (i: number, c: number): number =>
        classAxis === 1 ? (Math.floor(i / positions) * classes + c) * positions + (i % positions) : i * classes + c;
      const z = Float32Array.from({ length: samples * classes }, (_, i) => i);
      const dense = Float32Array.from(z, (x) => x % 2);
      const labels = Int32Array.from({ length: samples }, (_, i) => (i * 7) % Math.max(2, classes));
      const targets: [Float32Array | Int32Array, readonly number[], boolean][] = [
        [labels, sampleDims, false],
        [labels, [...sampleDims, 1], false],
        [dense, shape, classes > 1],
      ];
      for (const [y, own, each] of targets) {
        if (y === dense && !each) continue;
        for (const order of [0, 1, 2, 3]) {
          for (const bytes of [1, 24, 1 << 20]) {
            const files = {
              logits: fromBytes(npy(z, shape, order % 2 > 0), 'z'),
              targets: fromBytes(npy(y, own, order > 1), 'y'),
            };
            const dataset = await openDataset(files, { classAxis });
            const seen: number[][] = [];
            for await (const { first, logits, targets } of dataset.chunks(0, undefined, { bytes })) {
              const [batch, , run] = logits.dims as readonly [number, number, number];
              for (let k = 0; k < batch * run; k++) {
                const cell = (c: number): number => (Math.floor(k / run) * classes + c) * run + (k % run);
                const all = Array.from({ length: classes }, (_, c) => cell(c));
                const of = (data: unknown, cells: number[]) => cells.map((i) => (data as number[])[i] as number);
                seen[first + k] = [...of(logits.data, all), ...of(targets.data, each ? all : [k])];
              }
            }
            const expected = Array.from({ length: samples }, (_, i) => {
              const all = Array.from({ length: classes }, (_, c) => at(i, c));
              return [...all.map((j) => z[j]), ...(each ? all.map((j) => y[j]) : [y[i]])];
            });
            // samples of rows that lie as planes come in the same order
            expect(`${shape} ${own} ${order} ${bytes} ${seen.join(' | ')}`).toBe(
              `${shape} ${own} ${order} ${bytes} ${expected.join(' | ')}`,
            );
          }
        }
      }
    }
  });

  test('NaN among float targets is a label that is missing', async () => {
    const files = { logits: file('rows.npy'), targets: file('y-missing.npy') };
    const { meter, missing, samples } = await evaluateShard(files, SOFTMAX);
    const y = expected.y.map((label: number, i: number) => (i % 7 === 3 ? -100 : label));
    expect({ missing, samples }).toEqual({ missing: 7, samples: 50 });
    expect(meter.toBytes()).toEqual(state(expected.z, [50, 3], y));
  });

  test.each(['y-int64', 'y-float', 'y-hot', 'y-hot-fortran'])('counts of %s', async (y) => {
    const dataset = await openDataset({ logits: file('rows.npy'), targets: file(`${y}.npy`) });
    const counts = [0, 1, 2].map((c) => expected.y.filter((label: number) => label === c).length);
    expect([...(await countTargets(dataset))]).toEqual(counts);
  });

  test('dense targets come in the layout of the logits', async () => {
    const dataset = await openDataset({ logits: file('rows.npy'), targets: file('y-hot.npy') });
    for await (const { targets, first, samples } of dataset.chunks(3, 11, { bytes: 30 })) {
      expect(targets.dims).toEqual([samples, 3, 1]);
      const labels = Array.from(
        { length: samples },
        (_, i) => [...(targets.data as never as Float32Array)].indexOf(1, 3 * i) - 3 * i,
      );
      expect(labels).toEqual(expected.y.slice(first, first + samples));
    }
  });

  test('one array, and what a file holds', async () => {
    const array = await openArray(file('y-int64.npy'));
    expect([...(await array.read())]).toEqual(expected.y.map(BigInt));
    expect(await inspect(file('rows-bfloat16.npy'))).toEqual({
      format: 'npy',
      columns: null,
      rows: null,
      arrays: [{ member: null, dtype: 'bfloat16', shape: [50, 3] }],
    });
  });
});

describe('places', () => {
  test('Blob, File and bytes', async () => {
    const logits = new Blob([bytes('rows.npy')]);
    const targets = new File([bytes('y-int64.npy')], 'y.npy');
    expect(await evaluated({ logits, targets })).toEqual(ROWS);
    expect(await evaluated({ logits: bytes('rows.npy'), targets: { file: targets, format: 'npy' } })).toEqual(ROWS);
  });

  /** A server of one object, as far as `fetch` can tell. */
  const server = (
    content: Uint8Array,
    change: (
      response: { status: number; headers: Record<string, string>; body: Uint8Array },
      n: number,
    ) => void = () => {},
  ) => {
    let n = 0;
    return (async (_: string, { headers }: { headers: Record<string, string> }) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.Range!)!.map(Number) as [number, number, number];
      const body = content.slice(from, to + 1);
      const range =
        body.length > 0 ? `bytes ${from}-${from + body.length - 1}/${content.length}` : `bytes */${content.length}`;
      const response = {
        status: body.length > 0 ? 206 : 416,
        headers: { 'content-range': range, etag: '"1"' } as Record<string, string>,
        body,
      };
      change(response, n++);
      return new Response(response.body as Uint8Array<ArrayBuffer>, {
        status: response.status,
        headers: response.headers,
      });
    }) as never as typeof fetch;
  };

  test('URLs by range requests, without their secrets in messages', async () => {
    const url = 'https://store.example/bucket/z.npy?signature=secret';
    // larger than what is kept of the beginning
    const z = Float32Array.from({ length: 30_000 }, (_, i) => Math.sin(i));
    const y = Int32Array.from({ length: 10_000 }, (_, i) => i % 3);
    const logits = new Uint8Array(dump(z, [10_000, 3]));
    const source = await fromURL(url, { fetch: server(logits), headers: { Authorization: 'Bearer x' } });
    expect(source).toMatchObject({ name: 'https://store.example/bucket/z.npy', size: logits.length });
    const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: 3, ...SOFTMAX.meter });
    meter.update({ data: z, dims: [10_000, 3] }, y);
    const files = { logits: source, targets: new Uint8Array(dump(y)) };
    expect(await evaluated(files, { bytes: 1000 })).toEqual(meter.toBytes());
    expect((await fromURL(url, { fetch: server(new Uint8Array()) })).size).toBe(0);
  });

  test.each([
    ['ignores ranges', (r) => Object.assign(r, { status: 200 }), /z\.npy: the server ignores range requests/],
    ['knows no such object', (r) => Object.assign(r, { status: 404 }), /z\.npy: the server answers 404/],
    [
      'hides the size',
      (r) => {
        r.headers = {};
      },
      /no readable Content-Range.*Access-Control-Expose-Headers/,
    ],
    [
      'has another object meanwhile',
      (r, n) => {
        if (n > 0) r.headers.etag = '"2"';
      },
      /changed while it was being read/,
    ],
    [
      'sends less',
      (r, n) => {
        if (n > 0) r.body = r.body.slice(1);
      },
      /the server sent \d+ bytes/,
    ],
  ] as [string, Parameters<typeof server>[1], RegExp][])('a server that %s', async (_, change, message) => {
    const content = new Uint8Array(dump(new Float32Array(60_000), [20_000, 3]));
    const opened = fromURL('https://x.example/z.npy?key=secret', { fetch: server(content, change) });
    const read = opened.then((source) => source.read(100_000, 10));
    await expect(read).rejects.toThrow(message);
    await expect(read).rejects.not.toThrow(/secret/);
  });

  test('a server that is busy for a moment is asked again', async () => {
    const busy = server(bytes('rows.npy'), (r, n) => Object.assign(r, n < 2 ? { status: 503 } : {}));
    expect((await fromURL('https://x.example/z', { fetch: busy })).size).toBe(bytes('rows.npy').length);
  });
});

test('progress and abort', async () => {
  const files = { logits: file('rows.npy'), targets: file('y-int64.npy') };
  const seen: number[] = [];
  const abort = new AbortController();
  const onProgress = (samples: number) => {
    seen.push(samples);
    if (samples >= 20) abort.abort(new Error('enough'));
  };
  const run = evaluateShard(files, { ...SOFTMAX, bytes: 120, signal: abort.signal, onProgress });
  await expect(run).rejects.toThrow('enough');
  expect(seen).toEqual([10, 20]);
});

test('shards merge to the bytes of the whole', async () => {
  const part = (from: number, to: number) => ({
    logits: new Uint8Array(dump(Float32Array.from(expected.z.slice(3 * from, 3 * to)), [to - from, 3])),
    targets: new Uint8Array(dump(Int32Array.from(expected.y.slice(from, to)))),
  });
  const first = await evaluateShard(part(0, 17), SOFTMAX);
  const second = await evaluateShard(part(17, 50), { ...SOFTMAX, firstIndex: 17 });
  second.meter.merge(first.meter);
  expect(second.meter.toBytes()).toEqual(ROWS);
});

describe('what is wrong is said in one line that names the file', () => {
  const rows = bytes('rows.npy');
  const edit = (from: string, to: string) =>
    new Uint8Array(Buffer.from(Buffer.from(rows).toString('latin1').replace(from.padEnd(from.length), to), 'latin1'));
  /** An .npy file with this header. */
  const header = (text: string, data = 600) => {
    const out = new Uint8Array(10 + text.length + data);
    out.set(Buffer.from('\x93NUMPY\x01\x00', 'latin1'));
    new DataView(out.buffer).setUint16(8, text.length, true);
    out.set(Buffer.from(text, 'latin1'), 10);
    return out;
  };
  const dict = (shape: string, more = '') =>
    header(`{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, ${more}}\n`);
  const y = (...labels: number[]) => new Uint8Array(dump(Int32Array.from({ length: 50 }, (_, i) => labels[i] ?? 0)));
  const cases: [string, Uint8Array | string, Uint8Array | string, RegExp][] = [
    ['empty', new Uint8Array(), 'y-int64', /not a \.npy file|not a file of a known format/],
    ['text', new TextEncoder().encode('not an array of numbers'), 'y-int64', /not a file of a known format \(npy, npz/],
    ['truncated magic', rows.slice(0, 5), 'y-int64', /not a/],
    ['truncated prefix', rows.slice(0, 11), 'y-int64', /not a \.npy file/],
    ['truncated header', rows.slice(0, 40), 'y-int64', /truncated within the header/],
    [
      'truncated data',
      rows.slice(0, -1),
      'y-int64',
      /truncated, shape \[50,3\] needs 600 bytes of data, the file has 599/,
    ],
    ['surplus', new Uint8Array([...rows, 0, 0]), 'y-int64', /2 bytes more than shape \[50,3\] needs/],
    ['unknown version', edit('NUMPY\x01', 'NUMPY\x09'), 'y-int64', /version 9 is not known/],
    ['unknown minor version', edit('NUMPY\x01\x00', 'NUMPY\x01\x07'), 'y-int64', /version 1\.7 is not known/],
    ['a misspelt key', edit("'shape'", "'shame'"), 'y-int64', /its keys must be descr, fortran_order and shape/],
    ['an extra key', dict('(50, 3)', "'more': 1"), 'y-int64', /its keys must be/],
    ['a number as shape', dict('(150)'), 'y-int64', /shape must be a tuple/],
    ['a list as shape', dict('[50, 3]'), 'y-int64', /shape must be a tuple/],
    ['a negative length', dict('(-50, -3)'), 'y-int64', /shape must be a tuple/],
    ['a fraction', dict('(50.0, 3)'), 'y-int64', /not a \.npy header/],
    ['an expression', dict('(25 * 2, 3)'), 'y-int64', /not a \.npy header/],
    ['no literal', header('import os'), 'y-int64', /not a \.npy header/],
    ['control characters', header('\x1b[2J\x07\n{', 0), 'y-int64', /not a \.npy header\P{Cc}*$/u],
    ['none of many', dict('(0, 1000000000000, 100000)'), 'y-int64', /shape \[0,1000000000000,100000\] is not possible/],
    [
      'more than there is',
      dict('(1000000000, 3)'),
      'y-int64',
      /truncated, shape \[1000000000,3\] needs 12000000000 bytes/,
    ],
    ['complex', 'complex', 'y-int64', /complex numbers \(dtype '<c8'\) are not read.*array\.real/],
    ['structured', 'structured', 'y-int64', /structured dtype.*array\['field'\]/],
    ['long doubles', 'longdouble', 'y-int64', /floats of this size \(dtype '<f16'\).*astype\('float32'\)/],
    ['integers', 'y-int64', 'y-int64', /dtype expected float16.*got int64: .*logits\.astype\('float32'\)/],
    ['no dimension', 'scalar', 'y-int64', /expected shape \[B, C\].*got \[\]/],
    ['strings as targets', 'rows', 'strings', /strings as labels need the names of the classes.*numpy\.unique/],
    ['objects as targets', 'rows', 'objects', /Python objects/],
    [
      'targets of another length',
      'rows',
      new Uint8Array(dump(new Int32Array(49))),
      /expected shape \[50\] to go with logits \[50,3\], got \[49\]/,
    ],
    [
      'one-hot of other classes',
      'rows',
      new Uint8Array(dump(new Int32Array(200), [50, 4])),
      /got \[50,4\]; one-hot.*argmax\(-1\)/,
    ],
    ['classes on the other axis', 'planes-last', 'planes-y', /fits class axis −1 .*classAxis: -1/],
    ['a label too high', 'rows', y(0, 1, 7), /targets\[2\] expected .*got 7/],
    [
      'a fraction as label',
      'rows',
      new Uint8Array(dump(Float32Array.from({ length: 50 }, (_, i) => i / 49))),
      /targets\[1\] expected an integer/,
    ],
  ];
  test.each(cases)('%s', async (_, logits, targets, message) => {
    const source = (name: string, given: Uint8Array | string) =>
      typeof given === 'string' ? file(`${given}.npy`) : fromBytes(given, name);
    const run = evaluateShard(
      { logits: source('z', logits), targets: source('y', targets) },
      { ...SOFTMAX, bytes: 24 },
    );
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toThrow(FileError);
    await expect(run).rejects.toThrow(/^[^\n]*$/);
  });

  test('the last of equal keys counts, as in Python', async () => {
    const fortran = Buffer.from(dict('(50, 3)', "'fortran_order': True"));
    fortran.set(bytes('rows-fortran.npy').slice(-600), fortran.length - 600);
    expect(await evaluated({ logits: new Uint8Array(fortran), targets: file('y-int64.npy') })).toEqual(ROWS);
  });

  test.each([
    ['no options', undefined, /options expected|loss/],
    ['an unknown option', { ...SOFTMAX, lose: 1 }, /options expected only loss, .* got "lose"/],
    ['a signal that is none', { ...SOFTMAX, signal: 5 }, /signal expected an AbortSignal, got 5/],
    ['no function', { ...SOFTMAX, onProgress: true }, /onProgress expected a function, got true/],
    ['an unknown loss', { loss: { name: 'hinge' } }, /loss\.name expected 'softmax' or 'sigmoid', got "hinge"/],
    ['a bad option of the loss', { loss: { name: 'softmax', gamma: -1 } }, /gamma expected/],
    ['a bad option of the meter', { ...SOFTMAX, meter: { bins: 0 } }, /bins expected/],
    ['names that do not fit', { ...SOFTMAX, names: ['a'] }, /names expected 3 names, got 1/],
  ])('%s', async (_, options, message) => {
    const files = { logits: file('rows.npy'), targets: file('y-int64.npy') };
    await expect(evaluateShard(files, options as never)).rejects.toThrow(message);
  });

  test.each([
    ['logits', undefined],
    ['logits', 7],
    ['targets', {}],
  ])('%s %s', async (name, value) => {
    const files = { logits: file('rows.npy'), targets: file('y-int64.npy'), [name]: value };
    await expect(evaluateShard(files as never, SOFTMAX)).rejects.toThrow(
      new RegExp(`^${name} expected a string, URL, File`),
    );
  });
});
