import { SingleBar } from 'cli-progress';
import width from 'string-width';

/** A bar on stderr where that is a terminal, else none. */
export function progressBar(total: number): SingleBar | null {
  if (!process.stderr.isTTY || total === 0) return null;
  const bar = new SingleBar({
    format: '{bar} {percentage} %  {value} of {total} samples  {eta_formatted} left',
    barCompleteChar: '█',
    barIncompleteChar: '░',
    formatValue: (value, _options, type) =>
      type === 'percentage' ? String(value).padStart(3) : value.toLocaleString('en-US'),
    clearOnComplete: true,
    // else ^C would be caught by the bar, and end nothing
    gracefulExit: false,
    linewrap: true,
  });
  bar.start(total, 0);
  return bar;
}

// hasColors() knows NO_COLOR, FORCE_COLOR and dumb terminals
const coloured = process.stdout.isTTY && process.stdout.hasColors();

export const bold = (text: string): string => (coloured ? `\x1b[1m${text}\x1b[22m` : text);
export const dim = (text: string): string => (coloured ? `\x1b[2m${text}\x1b[22m` : text);

/** The beginning of `text`, at most `cells` wide on a terminal. */
export function clip(text: string, cells: number): string {
  if (width(text) <= cells) return text;
  let kept = '';
  let used = 1; // the ellipsis
  for (const char of text) {
    used += width(char);
    if (used > cells) break;
    kept += char;
  }
  return `${kept.trimEnd()}…`;
}

/** Rows of cells as aligned lines: a column is right-aligned where its head begins with a space. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], indent = '  '): string[] {
  const right = head.map((cell) => cell.startsWith(' '));
  const widths = head.map((cell, c) => rows.reduce((most, row) => Math.max(most, width(row[c]!)), width(cell.trim())));
  const line = (row: readonly string[]) =>
    row
      .map((cell, c) => {
        const space = ' '.repeat(widths[c]! - width(cell));
        return right[c] ? space + cell : cell + space;
      })
      .join('  ')
      .trimEnd();
  return [dim(indent + line(head.map((cell) => cell.trim()))), ...rows.map((row) => indent + line(row))];
}
