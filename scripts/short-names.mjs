/**
 * Short names for what never leaves a package's files. What the binary exports and the bindings call it by is renamed in
 * both alike, which makes the default entry 300 bytes smaller; the sources, build/ and the command keep the long names.
 */

/** Properties of the bindings' own objects. No option, result or state has one of these names. */
const INTERNAL =
  'firstImage firstPosition firstClass firstSample imageStride classStride borrowed contiguous positions images source ' +
  'whole batch half into units special weights layout f32 i32 load store eachSamples eachClasses loadClassWeights ' +
  'loadLogitWeights kernels settings settingsOf form FEW rounded margins SLOPE logits targets';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$';

/**
 * From long names to short ones, as esbuild's mangleCache has them.
 *
 * @param binaries those with the most used exports first, which get the shortest names
 */
export function shortNames(...binaries) {
  const exported = binaries.flatMap((binary) => WebAssembly.Module.exports(new WebAssembly.Module(binary)));
  const names = new Set([...INTERNAL.split(' '), ...exported.map(({ name }) => name)]);
  names.delete('memory');
  const { length } = LETTERS;
  const short = (i) => (i < length ? '' : short(Math.floor(i / length) - 1)) + LETTERS[i % length];
  return Object.fromEntries([...names].map((name, i) => [name, `$${short(i)}`]));
}

/** A module with its exports renamed. */
export function renameExports(binary, names) {
  const sections = [binary.subarray(0, 8)];
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = binary[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < binary.length) {
    const id = binary[at++];
    const length = number();
    const end = at + length;
    const body = [];
    if (id === EXPORTS) {
      const count = number();
      body.push(...leb128(count));
      for (let i = 0; i < count; i++) {
        const size = number();
        const name = binary.toString('utf8', at, at + size);
        at += size;
        const from = at++;
        number();
        const short = Buffer.from(names[name] ?? name);
        body.push(...leb128(short.length), ...short, ...binary.subarray(from, at));
      }
    } else {
      body.push(...binary.subarray(at, end));
    }
    sections.push(Buffer.from([id, ...leb128(body.length), ...body]));
    at = end;
  }
  return Buffer.concat(sections);
}

const EXPORTS = 7;

function leb128(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb128(value >> 7)];
}
