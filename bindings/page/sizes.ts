/** Bytes as a person reads them. */
export const size = (bytes: number): string => {
  const [unit, name] = bytes >= 1e9 ? [1e9, 'GB'] : bytes >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  return `${(bytes / (unit as number)).toPrecision(3)} ${name}`;
};
