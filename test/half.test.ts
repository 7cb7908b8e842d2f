import { expect, test } from 'vitest';
import { backends } from './backends.ts';
import { Random } from './random.ts';

const HALVES = Uint16Array.of(0x3c00, 0xbc00, 0x4400, 0xc400, 0, 0x3555);
const VALUES = Float32Array.of(1, -1, 4, -4, 0, 0.333251953125);

// every number of samples up to two tiles, as images of a length that divides it
test.each(backends)('$name: float16 planes of any size give the bits of float32', ({ name, api }) => {
  const random = new Random(16);
  const loss = new api.SoftmaxFocalLoss({ reduction: 'none' });
  const step = { simd: 1, scalar: 17, debug: 61 }[name] as number;
  const picks = Uint8Array.from({ length: 3 * 8192 + 100 }, () => random.below(6));
  const halves = Uint16Array.from(picks, (k) => HALVES[k] as number);
  const floats = Float32Array.from(picks, (k) => VALUES[k] as number);
  const labels = random.labels(8192, 2);
  let tried = 0;
  for (let n = 1; n <= 8192; n += step) {
    // one image, or a few of the same length
    const images = 1 + random.below(16);
    const positions = n % images ? n : n / images;
    const classes = 2 + random.below(2);
    const from = random.below(100);
    const dims = [n / positions, classes, positions];
    const targets = labels.subarray(0, n);
    const half = { data: halves.subarray(from, from + classes * n), dims, type: 'float16' };
    const full = { data: floats.subarray(from, from + classes * n), dims };
    const [a, b] = [half, full].map((logits) => loss.forward(logits, targets) as Float32Array);
    if (Buffer.compare(new Uint8Array((a as Float32Array).buffer), new Uint8Array((b as Float32Array).buffer))) {
      expect.fail(`[${dims}] differs`);
    }
    tried++;
  }
  expect(tried).toBeGreaterThan(100);
});
