/** The focal losses of other libraries, by the options that docs/losses.md gives for them. */
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';
import golden from './golden/presets.json' with { type: 'json' };

for (const { name, api } of backends) {
  describe(`${name}: the same numbers as other libraries`, () => {
    test.each(golden.cases)('$call', ({ loss, options, per, value }) => {
      const Loss = (loss === 'softmax' ? api.SoftmaxFocalLoss : api.SigmoidFocalLoss) as new (
        options: object,
      ) => { forward(logits: Float32Array, targets: number[]): number };
      const ours = new Loss(options).forward(Float32Array.from(golden.logits), golden.targets) / per;
      // two libraries that work in float32 agree with the true value to a few of its last digits
      expect(Math.abs(ours - value) / value).toBeLessThan(1e-6);
    });
  });
}
