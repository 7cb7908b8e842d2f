/** The ways in which arrays are handed in: all have to be read as the plain array they hold. */
import type { Random } from '../random.ts';

type Values = ArrayLike<number> | ArrayLike<bigint>;
// biome-ignore lint/suspicious/noExplicitAny: the constructors of typed arrays have no type in common
type Kind = any;
type Container = (kind: Kind, values: Values, random: Random) => ArrayBufferView;

const filled = (view: Kind, values: Values) => {
  for (let i = 0; i < values.length; i++) view[i] = values[i];
  return view;
};

/** A subclass whose constructor, species, length and tag are its own. */
const subclasses = new Map<Kind, Kind>();
function subclassOf(kind: Kind): Kind {
  if (!subclasses.has(kind)) {
    const made = class Labelled extends kind {
      constructor(first: unknown, ...rest: unknown[]) {
        super(first, ...rest);
        if (rest.length === 0 && first === 0) throw new Error('made anew by the library');
      }
      static get [Symbol.species]() {
        return Array;
      }
      get length() {
        return 1;
      }
      get byteOffset() {
        return 4;
      }
      subarray() {
        return new kind(3);
      }
      get [Symbol.toStringTag]() {
        return 'Float64Array';
      }
    };
    subclasses.set(kind, made);
  }
  return subclasses.get(kind);
}

const CONTAINERS: Record<string, Container> = {
  plain: (kind, values) => kind.from(values),
  offset(kind, values, random) {
    const lead = 1 + random.below(9);
    const buffer = new ArrayBuffer(kind.BYTES_PER_ELEMENT * (lead + values.length + 5));
    new Uint8Array(buffer).fill(0x7f);
    return filled(new kind(buffer, kind.BYTES_PER_ELEMENT * lead, values.length), values);
  },
  shared: (kind, values) => filled(new kind(new SharedArrayBuffer(kind.BYTES_PER_ELEMENT * values.length)), values),
  subclass: (kind, values) => filled(Reflect.construct(subclassOf(kind), [kind.from(values).buffer]), values),
  resizable(kind, values, random) {
    const bytes = kind.BYTES_PER_ELEMENT * values.length;
    const buffer = Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: bytes + 64 }]);
    return filled(random.below(2) ? new kind(buffer) : new kind(buffer, 0, values.length), values);
  },
  growable(kind, values) {
    const bytes = kind.BYTES_PER_ELEMENT * values.length;
    return filled(new kind(Reflect.construct(SharedArrayBuffer, [bytes, { maxByteLength: bytes + 64 }])), values);
  },
  'shrunk and grown again'(kind, values) {
    const bytes = kind.BYTES_PER_ELEMENT * values.length;
    const buffer = Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: bytes + 64 }]);
    const view = new kind(buffer, 0, values.length);
    (buffer as unknown as { resize(bytes: number): void }).resize(0);
    (buffer as unknown as { resize(bytes: number): void }).resize(bytes);
    return filled(view, values);
  },
};

const NAMES = Object.keys(CONTAINERS);

/** Values as a typed array in some memory; half of them plain ones. */
export function contained(kind: Kind, values: Values, random: Random): { name: string; array: ArrayBufferView } {
  const name = random.below(2) ? 'plain' : (NAMES[random.below(NAMES.length)] as string);
  return { name: `${name} ${kind.name}`, array: (CONTAINERS[name] as Container)(kind, values, random) };
}
