const VIEW = new DataView(new ArrayBuffer(4));

/** The bits of a number as float32, an int32. */
export function bitsOf(x: number): number {
  VIEW.setFloat32(0, x);
  return VIEW.getInt32(0);
}

/** The float32 of bits. */
export function fromBits(bits: number): number {
  VIEW.setInt32(0, bits);
  return VIEW.getFloat32(0);
}

/** The largest float32 that is not above x: a float32 is above the one where it is above the other. */
export function floor32(x: number): number {
  const near = Math.fround(x);
  if (near <= x) return near;
  return near === 0 ? -(2 ** -149) : fromBits(bitsOf(near) + (near > 0 ? -1 : 1));
}
