import { describe, expect, test } from 'vitest';
import { FocalComparison } from '../bindings/entries/compare.ts';
import { SigmoidFocalLoss, SoftmaxFocalLoss } from '../bindings/entries/index.ts';
import { FocalMeter } from '../bindings/entries/meter.ts';
import { SlicedMeter } from '../bindings/entries/slices.ts';
import type { SoftmaxReport } from '../bindings/meter/report.ts';
import { DEFAULTS } from '../bindings/page/command.ts';
import { guess } from '../bindings/page/guess.ts';
import { lossBins } from '../bindings/page/losses.ts';
import type { Answer, Choices, Evaluated, Request, Result } from '../bindings/page/protocol.ts';
import { type Scope, serve } from '../bindings/page/worker.ts';
import { npy as ordered } from './numpy.ts';

type Typed = Float32Array | Int32Array | Uint32Array | Uint8Array;

const DESCR: Record<string, string> = { Float32Array: '<f4', Int32Array: '<i4', Uint8Array: '|u1' };

function npy(name: string, array: Typed, shape: readonly number[], descr = DESCR[array.constructor.name]): File {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  const text = `${dict.padEnd(64 * Math.ceil((dict.length + 11) / 64) - 11)}\n`;
  const head = Uint8Array.of(0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, text.length & 255, text.length >> 8);
  return new File([head, text, array as Uint8Array<ArrayBuffer>], name);
}

/** The worker as the page has it. */
class Page {
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  readonly #scope: Scope;

  constructor() {
    this.#scope = { postMessage: (answer) => this.#take(answer), onmessage: null };
    serve(this.#scope);
  }

  #take(answer: Answer): void {
    this.#waiting.get(answer.type === 'error' ? 'any' : answer.type)?.(answer);
  }

  ask<T extends Answer['type']>(request: Request, type: T): Promise<Extract<Answer, { type: T }>> {
    return new Promise((resolve, reject) => {
      this.#waiting.set('any', (answer) => reject(new Error((answer as { message: string }).message)));
      this.#waiting.set(type, (answer) => resolve(answer as Extract<Answer, { type: T }>));
      this.#scope.onmessage!({ data: request } as MessageEvent<Request>);
    });
  }

  /** Drops files; what is guessed is evaluated, with the choices given in its place. */
  async drop(files: readonly File[], choices: Partial<Choices> = {}): Promise<Evaluated & Pick<Result, 'texts'>> {
    const { evaluated, texts } = await this.all(files, choices);
    return { ...evaluated!, texts };
  }

  async all(files: readonly File[], choices: Partial<Choices> = {}, baseline = ''): Promise<Result> {
    const { parts, errors } = await this.ask({ type: 'inspect', files }, 'parts');
    expect(errors).toEqual([]);
    const { roles, choices: guessed } = guess(parts);
    for (const { id, name } of parts) if (name === baseline) roles[id] = 'baseline';
    const chosen = { ...DEFAULTS, ...guessed, ...choices };
    const { result } = await this.ask({ type: 'evaluate', files, parts, roles, choices: chosen }, 'result');
    return result;
  }

  async cell(target: number, prediction: number) {
    return this.ask({ type: 'cell', target, prediction }, 'samples');
  }
}

const N = 300;
const CLASSES = 5;
const logits = Float32Array.from({ length: N * CLASSES }, (_, i) => Math.fround(4 * Math.sin(i * i * 0.7 + 1)));
const targets = Int32Array.from({ length: N }, (_, i) => (i % 10 === 9 ? -100 : (i * 7 + (i >> 2)) % CLASSES));
const row = (i: number) => logits.subarray(i * CLASSES, (i + 1) * CLASSES);
const textsOf = (samples: readonly { index: number }[]) =>
  new Map(samples.map(({ index }) => [index, `text ${index}`]));
const prediction = (i: number) => row(i).indexOf(Math.max(...row(i)));

describe('the worker of the page', () => {
  test('counts as a meter does, and each loss that is not ignored once', async () => {
    const { state, losses, metrics, hardest } = await new Page().drop([
      npy('z.npy', logits, [N, CLASSES]),
      npy('y.npy', targets, [N]),
    ]);
    const meter = new FocalMeter(new SoftmaxFocalLoss(), {
      classes: CLASSES,
      confusion: true,
      hardest: 10,
      coverage: true,
    });
    meter.update(logits, targets);
    expect(state).toEqual(meter.toJSON());
    expect(lossBins(losses!).reduce((sum, { count }) => sum + count, 0)).toBe(metrics.samples);
    for (const { index, logits: read } of hardest) expect(read).toEqual(Array.from(row(index)));
  });

  test('gives of a cell the samples of largest loss, with their rows and texts', async () => {
    const page = new Page();
    const texts = new File([Array.from({ length: N }, (_, i) => `text ${i}\n`).join('')], 'texts.txt');
    await page.drop([npy('z.npy', logits, [N, CLASSES]), npy('y.npy', targets, [N]), texts]);
    const [target, predicted] = [1, 3];
    const found = await page.cell(target, predicted);
    const loss = new SoftmaxFocalLoss({ reduction: 'none' });
    const expected = [...targets.keys()]
      .filter((i) => targets[i] === target && prediction(i) === predicted)
      .map((index) => ({
        index,
        target,
        prediction: predicted,
        loss: loss.forward(row(index), [target])[0]!,
        logits: Array.from(row(index)),
      }))
      .sort((a, b) => b.loss - a.loss)
      .slice(0, 20);
    expect(expected.length).toBeGreaterThan(3);
    expect(found.samples).toEqual(expected);
    expect(found.texts).toEqual(new Map(expected.map(({ index }) => [index, `text ${index}`])));
  });

  test('reads texts of a table from their column', async () => {
    const lines = [...targets.keys()].map((i) =>
      [`text ${i}`, ...row(i), targets[i] === -100 ? '' : targets[i]].join(),
    );
    const page = new Page();
    const { texts, hardest } = await page.drop([
      new File([`text,a,b,c,d,e,label\n${lines.join('\n')}\n`], 'table.csv'),
    ]);
    expect(texts).toEqual(textsOf(hardest));
    const cell = await page.cell(1, 3);
    expect(cell.texts).toEqual(textsOf(cell.samples));
  });

  test('takes probabilities for what they are, and tells when they were taken for logits', async () => {
    const probabilities = logits.map((z, i) => {
      const of = row(Math.floor(i / CLASSES));
      return Math.exp(z) / of.reduce((sum, one) => sum + Math.exp(one), 0);
    });
    const [z, p, y] = [
      npy('z.npy', logits, [N, CLASSES]),
      npy('p.npy', probabilities, [N, CLASSES]),
      npy('y.npy', targets, [N]),
    ];
    const right = await new Page().drop([z, y]);
    const wrong = await new Page().drop([p, y]);
    const told = await new Page().drop([p, y], { input: 'probabilities' });
    expect([right.probable, wrong.probable, told.probable]).toEqual([false, true, false]);
    expect(told.metrics.loss.mean).toBeCloseTo(right.metrics.loss.mean!, 5);
    expect(wrong.metrics.loss.mean).not.toBeCloseTo(right.metrics.loss.mean!, 2);
  });

  test('takes labels by their names', async () => {
    const names = ['ant', 'bee', 'cat', 'dog', 'elk'];
    const text = Array.from(targets, (y) => (y < 0 ? '' : names[y]!).padEnd(3, '\0')).join('');
    const points = Uint32Array.from(text, (character) => character.codePointAt(0)!);
    const files = [npy('z.npy', logits, [N, CLASSES]), npy('y.npy', points, [N], '<U3')];
    const { state } = await new Page().drop([...files, new File([names.join('\n')], 'names.txt')]);
    const { state: expected } = await new Page().drop([files[0]!, npy('y.npy', targets, [N])]);
    expect(state).toEqual(expected);
  });

  describe('targets in the shape of the logits', () => {
    const multiHot = Uint8Array.from({ length: N * CLASSES }, (_, i) => Number((i * 7) % 11 < 3));

    test('are several classes a sample, each by itself', async () => {
      const files = [npy('z.npy', logits, [N, CLASSES]), npy('targets.npy', multiHot, [N, CLASSES])];
      const { state, losses, hardest } = await new Page().drop(files);
      const options = { classes: CLASSES, hardest: 10, coverage: true, curves: true };
      const meter = new FocalMeter(new SigmoidFocalLoss(), options);
      const dims = [N, CLASSES];
      meter.update({ data: logits, dims }, { data: multiHot, dims });
      expect(state).toEqual(meter.toJSON());
      expect(lossBins(losses!).reduce((sum, { count }) => sum + count, 0)).toBe(N * CLASSES);
      for (const { index, members } of hardest) {
        const own = multiHot.subarray(index * CLASSES, (index + 1) * CLASSES);
        expect(members).toEqual([...own.entries()].filter(([, t]) => t > 0));
      }
    });

    test('are so from columns of a table', async () => {
      const lines = Array.from({ length: N }, (_, i) =>
        [...row(i), ...multiHot.subarray(i * CLASSES, (i + 1) * CLASSES)].join(),
      );
      const head = ['p', 'y'].flatMap((side) => Array.from({ length: CLASSES }, (_, c) => `${side}_${c}`));
      const csv = new File([`${head.join()}\n${lines.join('\n')}\n`], 'several.csv');
      const { state } = await new Page().drop([csv], { scores: 'p_*' });
      const arrays = [npy('z.npy', logits, [N, CLASSES]), npy('targets.npy', multiHot, [N, CLASSES])];
      expect(state).toEqual((await new Page().drop(arrays)).state);
    });

    test('are one class a sample where they say so', async () => {
      const oneHot = new Uint8Array(N * CLASSES);
      const labels = targets.map((y) => Math.max(0, y));
      for (const [i, y] of labels.entries()) oneHot[i * CLASSES + y] = 1;
      const z = npy('z.npy', logits, [N, CLASSES]);
      const page = new Page();
      const { metrics } = await page.drop([z, npy('onehot_targets.npy', oneHot, [N, CLASSES])]);
      const other = new Page();
      const plain = await other.drop([z, npy('y.npy', labels, [N])]);
      const { accuracy, confusion } = plain.metrics as SoftmaxReport;
      expect(metrics).toMatchObject({ accuracy, confusion });
      const [cell, expected] = [await page.cell(1, 3), await other.cell(1, 3)];
      expect(cell.samples.map(({ index }) => index)).toEqual(expected.samples.map(({ index }) => index));
      expect(cell.samples[0]!.loss).toBeCloseTo(expected.samples[0]!.loss!, 5);
    });
  });

  test('counts pairs of classes where there are too many for a matrix', async () => {
    const many = 1001;
    const samples = 200;
    const wide = Float32Array.from({ length: samples * many }, (_, i) => Math.sin(i));
    const of = Int32Array.from({ length: samples }, (_, i) => (i % 10 === 9 ? -100 : i % 7));
    // a sample in three is taken for class 1000
    for (let i = 0; i < samples; i += 3) wide[i * many + 1000] = 9;
    const page = new Page();
    const { pairs, metrics } = await page.drop([npy('z.npy', wide, [samples, many]), npy('y.npy', of, [samples])]);
    expect(metrics).not.toHaveProperty('confusion');
    const counted = [...of.keys()].filter((i) => of[i] === 3 && i % 3 === 0);
    const pair = pairs.find(({ row, column }) => row === 3 && column === 1000)!;
    expect(pair).toMatchObject({ count: counted.length, share: counted.length / metrics.perClass[3]!.support });
    expect(pairs.map(({ count }) => count)).toEqual(pairs.map(({ count }) => count).sort((a, b) => b - a));
    const { samples: shown } = await page.cell(3, 1000);
    expect(shown.map(({ index }) => index).sort((a, b) => a - b)).toEqual(counted);
  });

  const candidate = logits.map((z, i) => Math.fround(z + Math.sin(i)));
  const both = [npy('baseline.npy', logits, [N, CLASSES]), npy('candidate.npy', candidate, [N, CLASSES])];
  const compared = (labelled: boolean) => {
    const given = { classes: CLASSES, bins: 15, hardest: 10, coverage: true, flips: true, confusion: false };
    const comparison = new FocalComparison(new SoftmaxFocalLoss(), given);
    comparison.update(
      { data: logits, dims: [N, CLASSES] },
      { data: candidate, dims: [N, CLASSES] },
      labelled ? targets : undefined,
    );
    return comparison;
  };

  test('holds two models against each other, and evaluates the candidate', async () => {
    const found = await new Page().all([...both, npy('y.npy', targets, [N])]);
    expect(found.compared!.state).toEqual(compared(true).toJSON());
    expect(found.compared!.report).toEqual(compared(true).compute());
    const alone = await new Page().drop([both[1]!, npy('y.npy', targets, [N])]);
    expect(found.evaluated!.state).toEqual(alone.state);
  });

  test('tells how far two models agree where there are no targets', async () => {
    const { evaluated, compared: found } = await new Page().all(both);
    expect(evaluated).toBeNull();
    expect(found!.state).toEqual(compared(false).toJSON());
  });

  test('takes two models of one table by their columns', async () => {
    const lines = [...targets.keys()].map((i) => {
      const theirs = candidate.subarray(i * CLASSES, (i + 1) * CLASSES);
      return [...row(i), ...theirs, targets[i] === -100 ? '' : targets[i]].join();
    });
    const head = ['a', 'b'].flatMap((side) => Array.from({ length: CLASSES }, (_, c) => `${side}_${c}`));
    const csv = new File([`${head.join()},label\n${lines.join('\n')}\n`], 'two.csv');
    const found = await new Page().all([csv], { scores: 'b_*', baseline: 'a_*' });
    expect(found.compared!.state).toEqual(compared(true).toJSON());
    const bare = await new Page().all([csv], { scores: 'b_*', baseline: 'a_*', target: '' });
    expect(bare).toMatchObject({ evaluated: null, compared: { state: compared(false).toJSON() } });
  });

  test('takes a table of each model, of other formats, names and orders of columns, too', async () => {
    const label = (i: number) => (targets[i] === -100 ? null : targets[i]!);
    const lines = [...targets.keys()].map((i) => [label(i), ...row(i)].join());
    const old = new File([`label,${[0, 1, 2, 3, 4].map((c) => `p_${c}`)}\n${lines.join('\n')}\n`], 'old.csv');
    const theirs = (prefix: string, labelled: boolean) => {
      const rows = [...targets.keys()].map((i) => {
        const scores = [4, 2, 0, 1, 3].map((c) => [`${prefix}_${c}`, candidate[i * CLASSES + c]]);
        return JSON.stringify({ ...Object.fromEntries(scores), ...(labelled && { label: label(i) }) });
      });
      return new File([rows.join('\n')], 'new.jsonl');
    };
    const found = await new Page().all([theirs('p', true), old]);
    expect(found.compared!.state).toEqual(compared(true).toJSON());
    const alone = await new Page().drop([theirs('p', true)]);
    expect(found.evaluated!.state).toEqual(alone.state);
    // the labels may be in the baseline's alone
    const bare = await new Page().all([theirs('p', false), old]);
    expect(bare).toMatchObject({ evaluated: null, compared: { state: compared(true).toJSON() } });
    const named = await new Page().all([theirs('q', true), old], { scores: 'q_*', baseline: 'p_*' }, 'old.csv');
    expect(named.compared!.state).toEqual(compared(true).toJSON());
    const neither = await new Page().all([theirs('p', true), old], { target: '', scores: 'p_*' });
    expect(neither).toMatchObject({ evaluated: null, compared: { state: compared(false).toJSON() } });
  });

  test('merges states of comparisons, and tells those of other kinds', async () => {
    const json = (name: string, state: unknown) => new File([JSON.stringify(state)], name);
    const state = compared(true).toJSON();
    const { evaluated, compared: found } = await new Page().all([json('a.json', state)]);
    expect(evaluated).toBeNull();
    expect(found!.state).toEqual(state);
    await expect(new Page().all([json('a.json', state), json('b.json', state)])).rejects.toThrow(/^b\.json: /);
    const { state: other } = await new Page().drop([both[0]!, npy('y.npy', targets, [N])]);
    await expect(new Page().all([json('a.json', state), json('b.json', other)])).rejects.toThrow(
      'b.json: states of evaluations, of groups and of comparisons do not go together',
    );
  });

  describe('groups', () => {
    const groups = Int32Array.from({ length: N }, (_, i) => i % 3);
    const expected = () => {
      const sliced = new SlicedMeter(new SoftmaxFocalLoss(), { classes: CLASSES });
      sliced.update(logits, targets, { groups });
      return sliced.compute({ metric: 'loss', confidence: 0.95 }).worst;
    };
    const arrays = [npy('z.npy', logits, [N, CLASSES]), npy('y.npy', targets, [N])];

    test.each([
      ['an array', () => [...arrays, npy('groups.npy', groups, [N])]],
      [
        'an array in Fortran order',
        () => [
          npy('z.npy', logits, [N / 2, 2, CLASSES]),
          npy('y.npy', targets, [N / 2, 2]),
          new File([ordered(groups, [N / 2, 2], true) as Uint8Array<ArrayBuffer>], 'groups.npy'),
        ],
      ],
      ['lines', () => [...arrays, new File([groups.join('\n')], 'group-of-each.txt')]],
      [
        'a column',
        () => {
          const lines = [...targets.keys()].map((i) => [...row(i), `g${groups[i]}`, Math.max(targets[i]!, -1)].join());
          return [new File([`a,b,c,d,e,domain,label\n${lines.join('\n')}\n`], 't.csv')];
        },
      ],
    ])('from %s', async (_, files) => {
      const {
        groups: reports,
        metrics,
        state,
      } = await new Page().drop(files(), { ignoreIndex: files().length === 1 ? -1 : -100 });
      const { worst } = reports!.find(({ metric }) => metric === 'loss')!;
      const told = worst.map(({ name, samples, value, interval }) => ({
        name: name.replace('g', ''),
        samples,
        value,
        interval,
      }));
      expect(told).toEqual(expected());
      const meter = new FocalMeter(new SoftmaxFocalLoss(), { classes: CLASSES });
      meter.update(logits, targets);
      expect(metrics.loss).toEqual(meter.compute().loss);
      expect(state).toMatchObject({ format: 'focal-simd/slices' });
    });

    test('another number of them is told', async () => {
      const files = [...arrays, new File([Array.from({ length: 50 }, () => 'a\n').join('')], 'n.txt')];
      const { parts } = await new Page().ask({ type: 'inspect', files }, 'parts');
      const { roles, choices } = guess(parts);
      const given = { roles: { ...roles, [parts[2]!.id]: 'groups' as const }, choices: { ...DEFAULTS, ...choices } };
      await expect(new Page().ask({ type: 'evaluate', files, parts, ...given }, 'result')).rejects.toThrow(
        'n.txt: expected 300 groups, one for each sample, got 50',
      );
    });
  });
});
