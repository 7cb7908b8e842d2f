/** What examples/worker does with bodies that are made to cost more than they weigh; test/runtimes runs it in workerd. */
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { SoftmaxFocalLoss } from '../bindings/entries/index.ts';

// @ts-expect-error: an example in plain JavaScript
const { default: worker } = await import('../examples/worker/worker.js');

const CLASSES = 9;
const SAMPLES = 150;
const z = Float32Array.from({ length: SAMPLES * CLASSES }, (_, i) => Math.sin(i));
const y = Int32Array.from({ length: SAMPLES }, (_, i) => i % CLASSES);
const bytes = new Uint8Array(await new Blob([y, z]).arrayBuffer());

function post(body: BodyInit, type: string): Promise<Response> {
  const headers = { 'content-type': type };
  const init = { method: 'POST', headers, body, duplex: 'half' };
  return worker.fetch(new Request(`http://localhost/?classes=${CLASSES}`, init));
}

describe('the Worker of the examples', () => {
  test('keeps a body of single bytes in about as much memory as it has', async () => {
    // each byte in a block of its own, of which a list of them would keep all: 400 MB
    let most = 0;
    const before = process.memoryUsage().external;
    async function* pieces() {
      for (const byte of bytes) {
        yield new Uint8Array(1 << 16).fill(byte).subarray(0, 1);
        most = Math.max(most, process.memoryUsage().external - before);
      }
    }
    const stream = Readable.toWeb(Readable.from(pieces())) as unknown as BodyInit;
    const response = await post(stream, 'application/octet-stream');
    expect(await response.json()).toMatchObject({ loss: new SoftmaxFocalLoss().forward(z, y) });
    expect(most).toBeLessThan(200e6);
  });

  test('reserves nothing for dimensions that a body only names', async () => {
    const body = { logits: [[1, 2]], targets: { data: [0], dims: { length: 2 ** 25 } } };
    const before = process.memoryUsage().rss;
    const response = await post(JSON.stringify(body), 'application/json');
    expect(response.status).toBe(400);
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
  });

  test.each(['Application/JSON', 'application/json;charset=utf-8', ' application/JSON ; x=y'])(
    '%s is JSON',
    async (type) => {
      const response = await post('{"logits": [[1, 2]], "targets": [0]}', type);
      expect(response.status).toBe(200);
    },
  );
});
