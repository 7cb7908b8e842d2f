/** A list or tuple. */
export type Sequence = Literal[] & { tuple: boolean };
export type Literal = string | number | boolean | null | Sequence | Map<string, Literal>;

const TOKEN = /\s*(?:([{}[\](),:])|(-?(?:0+|[1-9]\d*))(?![\w.])|'([^'\\\n]*)'|"([^"\\\n]*)"|(True|False|None)\b)/y;

/**
 * Python's ast.literal_eval for what numpy writes into headers: dictionaries of strings, tuples, lists, whole numbers,
 * strings without escapes, True, False, None. As there, the last of equal keys counts, and (50) is a number, (50,) a tuple.
 *
 * @throws Error for anything else
 */
export function readLiteral(text: string): Literal {
  const tokens: { mark?: string; value?: string | number | boolean | null }[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) throw new Error(`unexpected text at ${at}`);
    const [, mark, digits, single, double, word] = found;
    if (mark !== undefined) tokens.push({ mark });
    else if (digits !== undefined) tokens.push({ value: Number(digits) });
    else if (word !== undefined) tokens.push({ value: word === 'None' ? null : word === 'True' });
    else tokens.push({ value: (single ?? double) as string });
  }
  let at = 0;
  const value = read(0);
  if (at < tokens.length) throw new Error('text after its end');
  return value;

  function read(depth: number): Literal {
    const token = tokens[at++];
    if (!token || depth > 8) throw new Error('a value is missing');
    if (token.mark === undefined) return token.value as Literal;
    if (token.mark === '{') return dictionary(depth);
    if (token.mark === '(') return sequence(')', depth);
    if (token.mark === '[') return sequence(']', depth);
    throw new Error(`unexpected ${token.mark}`);
  }

  function sequence(close: string, depth: number): Literal {
    const items = [] as Literal[] as Sequence;
    items.tuple = close === ')';
    let commas = 0;
    while (!skip(close)) {
      if (items.length > commas) throw new Error('a comma is missing');
      items.push(read(depth + 1));
      if (skip(',')) commas++;
    }
    // parentheses around one value without a comma are no tuple
    return items.tuple && items.length === 1 && commas === 0 ? items[0]! : items;
  }

  function dictionary(depth: number): Map<string, Literal> {
    const items = new Map<string, Literal>();
    let more = true;
    while (!skip('}')) {
      if (!more) throw new Error('a comma is missing');
      const key = read(depth + 1);
      if (typeof key !== 'string' || !skip(':')) throw new Error('a key is missing');
      items.set(key, read(depth + 1));
      more = skip(',');
    }
    return items;
  }

  function skip(mark: string): boolean {
    if (tokens[at]?.mark !== mark) return false;
    at++;
    return true;
  }
}
