/** Headers of .npy files against NumPy's own readings, which test/npy/make.py wrote down. */
import { describe, expect, test } from 'vitest';
import { openArray } from '../bindings/files/open.ts';
import headers from './golden/npy-headers.json' with { type: 'json' };

type Reading = [type: string, fortran: boolean, shape: number[]] | null;

const KINDS: Record<string, string> = { f: 'float', i: 'int', u: 'uint' };

/** What of NumPy's reading ours must equal; null: NumPy refuses, or has no such number. */
function expected(numpys: Reading): Reading {
  if (!numpys) return null;
  const [descr, fortran, shape] = numpys;
  const [, kind, bytes] = /^[<>|]([fiu])([1248])$/.exec(descr) ?? [];
  if (!kind || shape.some((d) => d < 0)) return null;
  // with one dimension longer than 1, the two orders are one
  return [`${KINDS[kind]}${Number(bytes) * 8}`, fortran && shape.filter((d) => d !== 1).length > 1, shape];
}

async function reading(header: string): Promise<Reading> {
  const bytes = Buffer.alloc(10 + header.length);
  bytes.write('\x93NUMPY\x01', 'latin1');
  bytes.writeUInt16LE(header.length, 8);
  bytes.write(header, 10, 'latin1');
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  try {
    // the data, of any size, is not looked at
    const { dtype, fortran, shape } = await openArray({ name: 'array.npy', size: Infinity, read });
    return [dtype, fortran, [...shape]];
  } catch (error) {
    expect((error as Error).message).toMatch(/^array\.npy: /);
    return null;
  }
}

describe('a .npy header', () => {
  test('is read as NumPy reads it, or refused', async () => {
    const wrong: unknown[] = [];
    let read = 0;
    for (const [text, numpys] of headers as [string, Reading][]) {
      const ours = await reading(text);
      if (ours) read++;
      if (ours && JSON.stringify(ours) !== JSON.stringify(expected(numpys))) wrong.push([text, numpys, ours]);
    }
    expect(wrong).toEqual([]);
    // refusing everything would pass, too
    expect(read).toBeGreaterThan(20);
    for (const [text, numpys] of headers.slice(0, 6) as [string, Reading][]) {
      expect(await reading(text)).toEqual(expected(numpys));
    }
  });
});
