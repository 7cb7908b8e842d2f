/**
 * Bytes of a hexadecimal string. The binary is inlined so because pages are sent compressed: base64 lays every three
 * bytes over four characters, which hides the repetitions from gzip, and comes out larger.
 */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
