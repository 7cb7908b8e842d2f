import { openArray } from '../files/node/api.ts';
import { fromFrequencies } from '../losses/frequencies.ts';
import { InputError, refusing } from './errors.ts';
import { readText } from './lines.ts';

export type LossName = 'softmax' | 'sigmoid';

/**
 * What `--alpha` says, as the option of the loss.
 *
 * @param value `auto`, numbers separated by commas, or a file: .npy, or text with numbers separated by commas or space
 * @param perClass how often each class is the target, for `auto`
 */
export async function readAlpha(
  value: string,
  loss: LossName,
  perClass: Float64Array | null,
): Promise<number | number[]> {
  if (value === 'auto') return refusing('--alpha auto', () => fromFrequencies(perClass!, loss));
  const list = parseNumbers(value);
  if (list) return list.length === 1 && loss === 'sigmoid' ? list[0]! : list;
  if (!value.endsWith('.npy')) {
    const text = await readText(value);
    const numbers = parseNumbers(text);
    if (!numbers) throw new InputError(`${value}: expected numbers separated by commas or space`);
    return numbers;
  }
  const array = await openArray(value, 'alpha');
  try {
    if (array.shape.length !== 1) throw new InputError(`${value}: expected shape [C], got [${array.shape}]`);
    return Array.from(await array.read(), Number);
  } finally {
    await array.close();
  }
}

function parseNumbers(text: string): number[] | null {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const numbers = words.map(Number);
  return words.length > 0 && numbers.every((x) => !Number.isNaN(x)) ? numbers : null;
}
