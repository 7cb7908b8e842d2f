import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { backends } from './backends.ts';

/** What scikit-learn, torchmetrics, PyTorch and statsmodels say of multi-hot and soft targets: golden/meter_targets.py makes it. */
interface Case {
  loss: 'softmax' | 'sigmoid';
  dims: number[];
  logits: number[];
  targets: number[];
  // biome-ignore lint/suspicious/noExplicitAny: by the names of the report
  metrics: any;
}
const golden = JSON.parse(readFileSync(new URL('golden/meter-targets.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};
const table = golden.cases.map((one, i): [string, Case] => [`${i}: ${one.loss} [${one.dims}]`, one]);

describe.each(backends)('$name', ({ api }) => {
  test.each(table)('%s: the metrics of the libraries', (_, { loss: variant, dims, logits, targets, metrics }) => {
    const classes = dims[1] as number;
    const loss = variant === 'softmax' ? new api.SoftmaxFocalLoss() : new api.SigmoidFocalLoss();
    const options = { classes, ...(variant === 'softmax' ? { confusion: true } : { curves: true }) };
    // biome-ignore lint/suspicious/noExplicitAny: reports of both variants
    const meter: any = new api.FocalMeter(loss as never, options as never);
    meter.update({ data: Float32Array.from(logits), dims }, { data: Float32Array.from(targets), dims });
    const report = meter.compute({ confidence: 0.95 });
    const near = (name: string, got: number | null, want: number, error = 1e-6) =>
      expect(Math.abs((got as number) - want), name).toBeLessThanOrEqual(error * Math.max(1, Math.abs(want)));
    for (const key of ['accuracy', 'subsetAccuracy', 'crossEntropy', 'brier', 'samples', 'ignoredLogits', 'ece']) {
      if (key in metrics) near(key, report[key], metrics[key]);
    }
    for (const mean of ['macro', 'micro'] as const) {
      for (const [key, value] of Object.entries(metrics[mean] ?? {}))
        near(`${mean}.${key}`, report[mean][key], value as number);
    }
    expect(report.perClass.map(({ support }: { support: number }) => support)).toEqual(metrics.support);
    if (metrics.confusion) expect(report.confusion).toEqual(metrics.confusion);
    for (const [key, interval] of Object.entries(metrics.intervals ?? {})) {
      for (const side of [0, 1]) near(`${key} interval`, report.intervals[key][side], (interval as number[])[side]!);
    }
    if (metrics.counts) {
      for (const [c, [tp, fp, tn, fn, support]] of metrics.counts.entries()) {
        const one = report.perClass[c];
        near(`prevalence of ${c}`, one.prevalence, metrics.prevalence[c]);
        near(`accuracy of ${c}`, one.accuracy, metrics.classAccuracy[c]);
        expect([one.support, one.recall, one.precision]).toEqual([support, tp / (tp + fn), tp / (tp + fp)]);
        near(`specificity of ${c}`, one.specificity, tn / (tn + fp));
      }
    }
    if (!metrics.auroc) return;
    near('f1 of torchmetrics', report.micro.f1, metrics.torchmetricsF1);
    for (let c = 0; c < classes; c++) {
      near(`f1 of ${c}`, report.perClass[c].f1 ?? 0, metrics.f1[c]);
      // of samples in one cell only bounds are known
      for (const key of ['auroc', 'averagePrecision']) {
        const [lower, upper] = report.perClass[c][`${key}Bounds`];
        near(`${key} of ${c}`, report.perClass[c][key], metrics[key][c], 0.02);
        expect(metrics[key][c]).toBeGreaterThanOrEqual(lower - 1e-12);
        expect(metrics[key][c]).toBeLessThanOrEqual(upper + 1e-12);
      }
    }
  });
});
