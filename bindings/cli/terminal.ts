import { SingleBar } from 'cli-progress';
import width from 'string-width';
import { plain } from '../report/format.ts';

/** Longest bar, and the least that still looks like one. */
const BAR = { most: 40, least: 10 };

let running: SingleBar | null = null;

/** A bar on stderr where that is a terminal; `stopProgress` ends it. */
export function startProgress(total: number | null): void {
  if (!process.stderr.isTTY || !total) return;
  const columns = process.stderr.columns || 80;
  const counts = `  ${plain(total)} of ${plain(total)} samples`;
  const left = columns - ' 100 %  00h00m left'.length - 1;
  const room = left - counts.length;
  running = new SingleBar({
    format: `{bar} {percentage} %${room >= BAR.least ? '  {value} of {total} samples' : ''}  {eta_formatted} left`,
    barsize: Math.max(0, Math.min(BAR.most, room >= BAR.least ? room : left)),
    barCompleteChar: '█',
    barIncompleteChar: '░',
    formatValue: (value, _options, type) => (type === 'percentage' ? String(value).padStart(3) : plain(value)),
    clearOnComplete: true,
    // else ^C would be caught by the bar, and end nothing
    gracefulExit: false,
  });
  running.start(total, 0);
}

export const showProgress = (done: number): void => running?.update(done);

/** Its timer would keep the process alive. */
export function stopProgress(): void {
  running?.stop();
  running = null;
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
