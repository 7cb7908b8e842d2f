/** Characters the text may consist of, and how many of them stand for a byte each; the rest announce a second one. */
const CHARACTERS = 89;
const SINGLE = 87;

/**
 * Bytes of a printable text, made by scripts/printable.mjs. The binary is inlined so because pages are sent compressed:
 * the frequent bytes have a character each, which gzip packs as well as the bytes themselves. Base64 lays every three
 * bytes over four characters, which hides the repetitions from gzip, and hexadecimal digits cost 11 % more.
 *
 * The text begins with its characters and 64 hexadecimal digits, which have a bit for each value of a byte: whether it
 * is among the frequent ones.
 */
export function fromPrintable(text: string): Uint8Array<ArrayBuffer> {
  const start = CHARACTERS + 64;
  const digit = (at: number): number => text.indexOf(text[at] as string);
  const frequent = (value: number): number => (Number(`0x${text[CHARACTERS + (value >> 2)]}`) >> (value & 3)) & 1;
  const values = [...Array(256).keys()].sort((a, b) => frequent(b) - frequent(a));
  const bytes: number[] = [];
  for (let at = start; at < text.length; at++) {
    let rank = digit(at);
    if (rank >= SINGLE) rank += (rank - SINGLE) * (CHARACTERS - 1) + digit(++at);
    bytes.push(values[rank] as number);
  }
  return Uint8Array.from(bytes);
}
