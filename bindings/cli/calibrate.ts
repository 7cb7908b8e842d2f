/** `focal-simd calibrate`. */

import { convert } from '../backend/scalar/kernels.ts';
import type { CalibrationScores, Temperature } from '../entries/calibrate.ts';
import { calibrateFiles } from '../entries/node.ts';
import { countTargets } from '../files/evaluate.ts';
import { openArray } from '../files/node/api.ts';
import { fromHalf } from '../input/half.ts';
import { type Scale, scaleOf } from '../input/tensors.ts';
import { fixed, NONE, plain, significant } from '../report/format.ts';
import { EXIT, InputError, refused, warn } from './errors.ts';
import type { CalibrateOptions } from './grammar.ts';
import { Looks } from './looks.ts';
import { INPUTS } from './model.ts';
import { deliver, prepareOutputs, print } from './outputs.ts';
import { printableJson } from './printable.ts';
import { axisOf, fileOf, filesOf, openSamples, STDIN } from './samples.ts';
import { factLines } from './summary.ts';
import { showProgress, startProgress, stopProgress, table } from './terminal.ts';

export async function calibrate(
  logits: string,
  targets: string | undefined,
  options: CalibrateOptions,
): Promise<number> {
  const { loss, holdout, ignoreIndex, bins, json } = options;
  const input = INPUTS[options.input];
  if (logits === STDIN || targets === STDIN)
    throw new InputError('calibrate reads the data several times, not from stdin');
  if (options.apply !== undefined && options.target !== undefined) {
    throw new InputError('--apply goes with an array of logits, not with a table');
  }
  const files = filesOf(logits, targets, options);
  const outputs = await prepareOutputs({ '--apply': options.apply }, [fileOf(logits), fileOf(targets)], options);
  const dataset = await openSamples(files, options);
  try {
    // a bad label is told before hours of work
    await countTargets(dataset, { ignoreIndex });
    const { jobs: threads, chunk: bytes } = options;
    const fitting = { loss, holdout, ignoreIndex, bins, input, bytes, jobs: threads, onProgress: showProgress };
    const { names } = dataset;
    const looks = await new Looks(options).at(dataset);
    if (looks.warning) warn(looks.warning);
    startProgress(dataset.samples);
    const { jobs, ...result } = await refused('samples', () =>
      calibrateFiles(files, { ...fitting, classAxis: axisOf(options), ...(names && { names }) }),
    ).finally(stopProgress);
    await deliver([
      () => outputs.get('--apply')?.write(divided(logits, result, scaleOf(loss, input))),
      () => {
        if (outputs.printed) return;
        const { files } = dataset;
        return print(json ? `${printableJson({ files, loss, ...result })}\n` : summary(files, loss, result));
      },
    ]);
    return EXIT.done;
  } finally {
    await dataset.close();
  }
}

/** Elements of an output at a time. */
const BLOCK = 1 << 18;

/** The logits over the temperature, as a .npy file of float32 of their shape. */
async function* divided(path: string, { temperature, reason }: Temperature, scale: Scale): AsyncGenerator<Uint8Array> {
  if (temperature === null) throw new InputError(`--apply: there is no temperature to divide by: ${reason}`);
  const opened = await openArray(path, 'logits');
  try {
    const array = await opened.inCOrder();
    yield npyHeader(array.shape);
    for (let first = 0; first < array.size; first += BLOCK) {
      const found = await array.read(first, Math.min(BLOCK, array.size - first));
      const read = array.dtype === 'float16' ? fromHalf : Number;
      const block = Float32Array.from(
        { length: found.length },
        (_, i) => read(found[i] as number) / (scale ? 1 : temperature),
      );
      if (scale) {
        convert(block, scale);
        for (let i = 0; i < block.length; i++) block[i] = (block[i] as number) / temperature;
      }
      yield new Uint8Array(block.buffer);
    }
  } finally {
    await opened.close();
  }
}

function npyHeader(shape: readonly number[]): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims}), }`;
  // the elements begin at a multiple of 64 bytes
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = Buffer.alloc(10 + length, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(length, 8);
  header.write(text, 10, 'latin1');
  header.write('\n', 10 + length - 1);
  return header;
}

function summary(files: readonly string[], loss: string, result: Temperature): string {
  const { temperature, reason, passes, fitted, heldOut, before, after } = result;
  const facts = factLines([
    ['files', files.join('  ')],
    ['loss', `${loss}, cross-entropy`],
    ['samples', `${plain(fitted)} fitted, ${plain(heldOut)} held out`],
    ['passes', plain(passes)],
    ['temperature', temperature === null ? `${NONE}  ${reason}` : temperature.toPrecision(6)],
  ]);
  if (!before) return `${facts.join('\n')}\n`;
  const row = (name: string, of: (scores: CalibrationScores) => string) => [name, of(before), after ? of(after) : NONE];
  const rows = [
    row('cross-entropy', ({ crossEntropy }) => significant(crossEntropy)),
    row('Brier score', ({ brier }) => fixed(brier)),
    row('ECE', ({ ece }) => fixed(ece)),
  ];
  return `${[...facts, '', ...table(['held out', ' before', ' after'], rows)].join('\n')}\n`;
}
