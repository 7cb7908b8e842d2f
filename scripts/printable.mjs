/** What needs escaping within a string of any kind, and what could end a script within a page. */
const UNSAFE = '"\'`\\$<';
const PRINTABLE = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
const CHARACTERS = PRINTABLE.filter((character) => !UNSAFE.includes(character));
/** Characters that stand for a byte each; the others announce a second one, and 2 × 89 pairs are enough for what is left. */
const SINGLE = CHARACTERS.length - 2;

/**
 * Bytes as text that needs no escaping: one character for each of the 87 most frequent values, two for the others.
 * bindings/backend/printable.ts reads it.
 *
 * @param {Uint8Array} bytes
 * @param {Uint8Array} sample whose frequencies count: texts of one sample have the same characters for the same bytes, so
 *   that gzip finds in one what it has seen in another
 */
export function toPrintable(bytes, sample = bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of sample) counts[byte]++;
  const frequent = new Set([...counts.keys()].sort((a, b) => counts[b] - counts[a]).slice(0, SINGLE));
  const rare = [...counts.keys()].filter((value) => !frequent.has(value));
  const codes = new Map([
    ...[...counts.keys()].filter((value) => frequent.has(value)).map((value, i) => [value, CHARACTERS[i]]),
    ...rare.map((value, i) => {
      const first = SINGLE + Math.floor(i / CHARACTERS.length);
      return [value, CHARACTERS[first] + CHARACTERS[i % CHARACTERS.length]];
    }),
  ]);
  const flags = Array.from({ length: 64 }, (_, i) =>
    [3, 2, 1, 0].reduce((digit, j) => 2 * digit + Number(frequent.has(4 * i + j)), 0).toString(16),
  );
  return [...CHARACTERS, ...flags, ...Array.from(bytes, (byte) => codes.get(byte))].join('');
}
