// A Cloudflare Worker: POST logits and targets, get the focal loss as JSON.
//
//   JSON    { "logits": [[…C numbers], …N rows], "targets": [N integers], "loss"?: "softmax" | "sigmoid", "options"?: {…} }
//   binary  ?classes=C, content-type application/octet-stream: N int32 targets, then N × C float32 logits, little-endian
import { backend, SigmoidFocalLoss, SoftmaxFocalLoss } from 'focal-simd';

/** Most bytes of a body. Numbers that are read from JSON take several times the memory of its text. */
const LIMITS = { 'application/json': 1 << 20, 'application/octet-stream': 8 << 20 };
const VARIANTS = { softmax: SoftmaxFocalLoss, sigmoid: SigmoidFocalLoss };

class Refusal extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** The body as one buffer, whatever pieces it comes in: a list of a million pieces would take far more than their bytes. */
async function readBody(request, limit) {
  let bytes = new Uint8Array(1 << 12);
  let size = 0;
  for await (const piece of request.body ?? []) {
    if (size + piece.length > limit) throw new Refusal(413, `the body is larger than ${limit} bytes`);
    if (size + piece.length > bytes.length) {
      const larger = new Uint8Array(Math.max(2 * bytes.length, size + piece.length));
      larger.set(bytes.subarray(0, size));
      bytes = larger;
    }
    bytes.set(piece, size);
    size += piece.length;
  }
  return bytes.subarray(0, size);
}

function parseJson(text) {
  const { logits, targets, loss = 'softmax', options = {} } = JSON.parse(text) ?? {};
  const classes = logits?.[0]?.length;
  if (!Array.isArray(logits) || !logits.every((row) => Array.isArray(row) && row.length === classes)) {
    throw new Refusal(400, 'logits must be an array of rows of one length');
  }
  // an object in their place could name dimensions that take far more memory than the body
  if (!Array.isArray(targets)) throw new Refusal(400, 'targets must be an array of integers');
  const data = logits.flat();
  if (!data.every((value) => typeof value === 'number')) throw new Refusal(400, 'logits must be numbers');
  return { loss, options, targets, logits: { data: Float32Array.from(data), dims: [logits.length, classes ?? 1] } };
}

function parseBinary({ buffer, byteLength }, query) {
  const classes = Number(query.get('classes'));
  if (!Number.isInteger(classes) || classes < 1) throw new Refusal(400, '?classes= must be a positive integer');
  const samples = byteLength / 4 / (classes + 1);
  if (!Number.isInteger(samples)) {
    throw new Refusal(400, `${byteLength} bytes are not N int32 targets and N × ${classes} float32 logits`);
  }
  const data = new Float32Array(buffer, 4 * samples, samples * classes);
  return {
    loss: query.get('loss') ?? 'softmax',
    options: {},
    targets: new Int32Array(buffer, 0, samples),
    logits: { data, dims: [samples, classes] },
  };
}

async function answer(request) {
  if (request.method !== 'POST') throw new Refusal(405, 'POST logits and targets');
  const type = request.headers.get('content-type')?.split(';')[0].trim().toLowerCase() ?? '';
  if (!Object.hasOwn(LIMITS, type)) {
    throw new Refusal(415, `content-type must be ${Object.keys(LIMITS).join(' or ')}`);
  }
  const body = await readBody(request, LIMITS[type]);
  const input =
    type === 'application/json'
      ? parseJson(new TextDecoder().decode(body))
      : parseBinary(body, new URL(request.url).searchParams);
  if (!Object.hasOwn(VARIANTS, input.loss)) throw new Refusal(400, "loss must be 'softmax' or 'sigmoid'");
  const value = new VARIANTS[input.loss](input.options).forward(input.logits, input.targets);
  return { loss: typeof value === 'number' ? value : Array.from(value), backend: backend() };
}

export default {
  async fetch(request) {
    try {
      return Response.json(await answer(request));
    } catch (error) {
      // Malformed JSON is a SyntaxError; the package refuses bad shapes, labels and options with the other two.
      if (error instanceof SyntaxError) return Response.json({ error: error.message }, { status: 400 });
      if (error instanceof TypeError || error instanceof RangeError) {
        return Response.json({ error: error.message }, { status: 422 });
      }
      if (error instanceof Refusal) return Response.json({ error: error.message }, { status: error.status });
      throw error;
    }
  },
};
