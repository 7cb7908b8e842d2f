/**
 * The distribution of losses, by the first bits of their float32: a quarter of an octave a cell, no logarithm to take.
 */

/** Sign, exponent, and two bits of the mantissa. */
const SHIFT = 21;
const CELLS = 1 << (32 - SHIFT - 1);

export class LossCounts {
  readonly counts = new Array<number>(CELLS).fill(0);

  add(losses: Float32Array): void {
    const { counts } = this;
    const bits = new Uint32Array(losses.buffer, losses.byteOffset, losses.length);
    for (let i = 0; i < bits.length; i++) counts[(bits[i]! & 0x7fffffff) >>> SHIFT]!++;
  }
}

const view = new DataView(new ArrayBuffer(4));

/** The loss where a cell begins. */
function lossOf(cell: number): number {
  view.setUint32(0, cell << SHIFT);
  return view.getFloat32(0);
}

export interface LossBin {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

/** Losses from 10^-8 on, an octave a bin: what is less is as good as none, and counts in the first. */
export function lossBins(counts: readonly number[]): LossBin[] {
  const first = 2 ** -26;
  const octaves = new Map<number, number>();
  for (const [cell, count] of counts.entries()) {
    const loss = lossOf(cell);
    if (count === 0 || !(loss < Infinity)) continue;
    const octave = Math.floor(Math.log2(Math.max(loss, first)));
    octaves.set(octave, (octaves.get(octave) ?? 0) + count);
  }
  const found = [...octaves.keys()].sort((a, b) => a - b);
  const [least, most] = [found[0], found.at(-1)];
  if (least === undefined || most === undefined) return [];
  return Array.from({ length: most - least + 1 }, (_, i) => {
    const octave = least + i;
    return { lower: 2 ** octave, upper: 2 ** (octave + 1), count: octaves.get(octave) ?? 0 };
  });
}
