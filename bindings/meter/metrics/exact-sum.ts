/** An exact sum, in units of 2^−149, and how many of its values were +∞ or NaN. */
export interface ExactSum {
  readonly units: bigint;
  readonly infinite: number;
  readonly nan: number;
}

/** 2^−149 scales exactly; ties to even. */
export const total = ({ units, infinite, nan }: ExactSum): number =>
  nan > 0 ? NaN : infinite > 0 ? Infinity : Number(units) * 2 ** -149;
