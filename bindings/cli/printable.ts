import { printable } from '../input/foreign-text.ts';

/** Most letters of a line of error. */
const LONGEST = 400;

/** One line for stderr: printable, and cut in the middle where it is long, as both ends say what is wrong. */
export function errorLine(message: string): string {
  const line = printable(message.trim().replace(/\s*\n\s*/g, ' '));
  if (line.length <= LONGEST) return line;
  const half = Array.from(line.slice(0, LONGEST / 2)).slice(0, -1);
  return `${half.join('')} … ${Array.from(line.slice(-LONGEST / 2))
    .slice(1)
    .join('')}`;
}

/** JSON, whose line ends are its own: within strings \uXXXX says the same. */
export const printableJson = (value: unknown): string =>
  JSON.stringify(value, null, 2)
    // a line for each array of numbers, not one for each number
    .replace(/\[\n\s*(?:(?:-?[\d.eE+-]+|null),?\s*)+\]/g, (list) =>
      list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'),
    )
    .split('\n')
    .map(printable)
    .join('\n');
