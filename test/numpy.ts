/** A .npy file, of either order of axes, of numbers that are given in C order. */
export function npy(values: Float32Array | Int32Array, shape: readonly number[], fortran = false): Uint8Array {
  const type = values instanceof Int32Array ? '<i4' : '<f4';
  const text = `{'descr': '${type}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.map((d) => `${d},`).join('')}), }`;
  const data = values.slice();
  if (fortran) {
    for (const [i, value] of values.entries()) {
      let [at, rest, stride] = [0, i, values.length];
      for (const d of [...shape].reverse()) {
        stride /= d;
        at += (rest % d) * stride;
        rest = Math.floor(rest / d);
      }
      data[at] = value;
    }
  }
  const header = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text}\n`, 'latin1');
  header.writeUInt16LE(text.length + 1, 8);
  return new Uint8Array(Buffer.concat([header, Buffer.from(data.buffer)]));
}
