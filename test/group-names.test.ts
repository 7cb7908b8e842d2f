import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GroupNames } from '../bindings/meter/group-names.ts';

/** The numbers of names in the order in which they come, by a map alone. */
class Reference {
  readonly #numbers = new Map<string, number>();

  read(values: readonly unknown[]): number[] {
    return values.map((value) => {
      const name = `${value}`;
      this.#numbers.set(name, this.#numbers.get(name) ?? this.#numbers.size);
      return this.#numbers.get(name) as number;
    });
  }
}

/** The same text as another object: a rope, a piece of a longer one, or characters of its own. */
const copies: ((text: string) => string)[] = [
  (text) => text,
  (text) => `${text.slice(0, text.length >> 1)}${text.slice(text.length >> 1)}`,
  (text) => `..${text}..`.slice(2, -2),
  (text) => [...Array(text.length).keys()].map((i) => text[i]).join(''),
];

const hostile = [
  '',
  '__proto__',
  'constructor',
  '\ud800',
  '\udc00\ud800',
  '\0',
  '\u0130',
  'é',
  'e\u0301',
  'x'.repeat(70_000),
];
/** Names that differ at one end alone, or in the middle. */
const alike = [0, 1, 2, 3, 99].flatMap((i) => [
  `${i} group`,
  `group ${i}`,
  `group ${i} group`,
  `${'x'.repeat(3000)}${i}`,
  `${i}${'x'.repeat(3000)}`,
]);
const names = fc.oneof(fc.constantFrom(...hostile, ...alike), fc.string({ unit: 'binary', maxLength: 3 }));
const copied = fc.tuple(names, fc.nat(copies.length - 1)).map(([text, i]) => (copies[i] as (typeof copies)[0])(text));
const values = fc.oneof(
  copied,
  fc.integer({ min: -2, max: 9000 }),
  fc.constantFrom(-0, 2 ** 31, 2 ** 32 + 1, -(2 ** 40), 2 ** 53 - 1),
  fc.bigInt({ min: -3n, max: 3n }),
);

describe('names of groups', () => {
  test('any names in any batches have the numbers that a map gives', () => {
    fc.assert(
      fc.property(fc.array(fc.array(values, { maxLength: 60 }), { maxLength: 5 }), (batches) => {
        const groups = new GroupNames(10_000);
        const reference = new Reference();
        for (const batch of batches) expect([...groups.read(batch)]).toEqual(reference.read(batch));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    ['differ in the last character', (i: number) => `group ${i}`],
    ['differ in the third from the end', (i: number) => `${i}ab`],
    ['differ far from the end', (i: number) => `${i}abcdefghijklmnopqrstuvwxyz`],
    ['are many', (i: number) => `${(i * 7919) % 4099}-${i}`],
    ['are small integers', (i: number) => i],
    ['are large integers', (i: number) => i * 1e9],
    ['have one character', (i: number) => String.fromCharCode(64 + i)],
    ['differ in the middle of a long text', (i: number) => `user ${i} of a long list of names that are all alike`],
    ['are words', (i: number) => `${['red', 'green', 'blue'][i % 3]}/${['cat', 'dog'][i % 2]}/${Math.floor(i / 6)}`],
    ['are beyond Latin', (i: number) => `组${i}`.repeat(1 + (i % 3))],
    ['are integers and strings', (i: number) => (i % 3 ? i : `${i}`)],
    ['are strings, one of them empty', (i: number) => (i === 1 ? '' : `${i}`)],
    ['are bigints and an empty string', (i: number) => (i === 1 ? '' : BigInt(i))],
  ])('names that %s', (_, nameOf) => {
    for (const many of [3, 300, 3000]) {
      const groups = new GroupNames(many);
      const reference = new Reference();
      // batches of odd and even lengths, while more and more characters are looked at
      for (let batch = 0; batch < 40; batch++) {
        const told = Array.from({ length: 400 + (batch & 1) }, (_, i) => nameOf((i * i * 31 + batch) % many));
        expect([...groups.read(told)]).toEqual(reference.read(told));
      }
    }
  });

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

  test('arrays of integers of any kind, shared memory too', () => {
    const groups = new GroupNames(100);
    const told = [5, 3, 5, 200, 0];
    const arrays = [
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
    ];
    for (const array of arrays) expect([...groups.read(array.from(told))]).toEqual([0, 1, 0, 2, 3]);
    expect([...groups.read(BigInt64Array.from(told, BigInt))]).toEqual([0, 1, 0, 2, 3]);
    const shared = new Int32Array(new SharedArrayBuffer(20));
    shared.set(told);
    expect([...groups.read(shared)]).toEqual([0, 1, 0, 2, 3]);
    expect([...groups.read(Uint32Array.of(2 ** 32 - 1, 5, 4096 + 5))]).toEqual([4, 0, 5]);
    expect(groups.list).toEqual(['5', '3', '200', '0', '4294967295', '4101']);
  });

  test('each value is read once', () => {
    const seen: number[] = [];
    const told = {
      length: 3,
      get 0() {
        return seen.push(0) && 'a';
      },
      get 1() {
        return seen.push(1) && 7;
      },
      get 2() {
        return seen.push(2) && 'a';
      },
    };
    const groups = new GroupNames(2);
    for (let time = 0; time < 2; time++) expect([...groups.read(told)]).toEqual([0, 1, 0]);
    expect(seen).toEqual([0, 1, 2, 0, 1, 2]);
  });
});
