import { expect, test } from 'vitest';
import { GroupNames } from '../bindings/meter/group-names.ts';
import { Random } from './random.ts';

const NAMES: [string, (i: number) => unknown][] = [
  ['one character', (i) => String.fromCharCode(64 + i)],
  ['numbers behind a word', (i) => `group ${i}`],
  ['numbers before a word', (i) => `${i} of many`],
  ['numbers within', (i) => `user ${i} of a long list of names that are all alike`],
  ['words', (i) => `${['red', 'green', 'blue'][i % 3]}/${['cat', 'dog'][i % 2]}/${Math.floor(i / 6)}`],
  ['beyond Latin', (i) => `组${i}`.repeat(1 + (i % 3))],
  ['integers and strings', (i) => (i % 3 ? i : `${i}`)],
  ['integers beyond the table', (i) => i * 1000003 - 7],
  ['strings, one of them empty', (i) => (i === 1 ? '' : `${i}`)],
  ['bigints and an empty string', (i) => (i === 1 ? '' : BigInt(i))],
];
const CASES = NAMES.flatMap(([kind, name]) => [3, 60, 1000, 3000].map((count) => [kind, count, name] as const));

test('lengths that no array has are refused', () => {
  for (const length of [2 ** 40, 2 ** 53 - 1]) {
    expect(() => new GroupNames(9).read({ length })).toThrow(
      `groups expected as many as there is memory for, got ${length}`,
    );
  }
  for (const length of [-1, 0.5, NaN, '3']) {
    expect(() => new GroupNames(9).read({ length })).toThrow('groups expected an array of strings or integers');
  }
});

test.each(CASES)('%s: %i groups are numbered as they come', (_, count, name) => {
  const random = new Random(count);
  const names = new GroupNames(count);
  const expected = new Map<string, number>();
  // calls of odd and even lengths, while more and more characters are looked at
  for (let call = 0; call < 16; call++) {
    // a string of its own each time
    const values = Array.from({ length: 999 + call }, () => name(random.below(count)));
    const numbers = values.map((value) => {
      const number = expected.get(`${value}`) ?? expected.size;
      expected.set(`${value}`, number);
      return number;
    });
    expect([...names.read(values)]).toEqual(numbers);
  }
  expect(names.list).toEqual([...expected.keys()]);
});
