/**
 * The characters of the text, those first that minified code has most of: the more frequent a byte, the more frequent
 * its character, since gzip packs the text and the code around it by tables that both share. Quotes, the backslash and
 * `$`, which a string of some kind must escape, are not among them, nor is `<`, which could end a script within a page.
 */
const CHARACTERS = 'tes,=irn)(aol .hfu:gc;{}m0pd&by>[+]1w?2*SAv#!-Mx6LkI3O|F4NETCBUjGXW5/zPRH8_DqJ9VKYQZ7%@^~';
/**
 * Characters that stand for a byte each; the others announce a second one, and 2 × 89 pairs are enough for what is
 * left.
 */
const SINGLE = CHARACTERS.length - 2;

/**
 * Bytes as text that needs no escaping: one character for each of the 87 most frequent values, two for the others.
 * bindings/backend/printable.ts reads it.
 *
 * @param {Uint8Array} bytes
 * @param {Uint8Array} sample whose frequencies count: texts of one sample have the same characters for the same bytes,
 *   so that gzip finds in one what it has seen in another
 */
export function toPrintable(bytes, sample = bytes) {
  const counts = new Array(256).fill(0);
  for (const byte of sample) counts[byte]++;
  const byCount = [...counts.keys()].sort((a, b) => counts[b] - counts[a]);
  const frequent = byCount.slice(0, SINGLE).sort((a, b) => a - b);
  const rare = byCount.slice(SINGLE).sort((a, b) => a - b);
  const total = (values) => values.reduce((sum, value) => sum + counts[value], 0);
  const pages = [rare.slice(0, CHARACTERS.length), rare.slice(CHARACTERS.length)];
  const uses = [...frequent.map((value) => [value]), ...pages].map(total);
  const ranks = [...uses.keys()].sort((a, b) => uses[b] - uses[a]);
  const characters = uses.map((_, i) => CHARACTERS[ranks.indexOf(i)]);
  const codes = new Map([
    ...frequent.map((value, i) => [value, characters[i]]),
    ...pages.flatMap((values, p) => values.map((value, i) => [value, characters[SINGLE + p] + characters[i]])),
  ]);
  const flags = Array.from({ length: 64 }, (_, i) =>
    [3, 2, 1, 0].reduce((digit, j) => 2 * digit + Number(frequent.includes(4 * i + j)), 0).toString(16),
  );
  return [...characters, ...flags, ...Array.from(bytes, (byte) => codes.get(byte))].join('');
}
