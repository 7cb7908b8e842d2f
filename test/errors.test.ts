import { describe, expect, test } from 'vitest';
import type { Logits, Targets } from '../bindings/losses/types.ts';
import { backends } from './backends.ts';

type Api = (typeof backends)[number]['api'];

/** Anything at all, where the types would forbid it: users of JavaScript have no types. */
const any = (value: unknown) => value as never;

const memory = new Float32Array([1, 2, 3, 4, 5, 6, 7]);
const z = memory.subarray(0, 6);
const y = [0, 2];

function detached<T extends ArrayBufferView>(view: T): T {
  structuredClone(view.buffer, { transfer: [view.buffer as ArrayBuffer] });
  return view;
}

type Row = [name: string, error: typeof TypeError | typeof RangeError, message: RegExp, ...arguments_: unknown[]];

/** Options of either loss. */
const OPTIONS: Row[] = [
  // of these no option would be seen
  ['options a Map', TypeError, /^options expected an object, got Map$/, new Map([['gamma', 0]])],
  ['options a promise', TypeError, /^options expected an object, got Promise$/, Promise.resolve({ gamma: 0 })],
  ['options an array', TypeError, /^options expected an object, got an array of length 0$/, []],
  ['γ < 0', RangeError, /^gamma expected a finite number ≥ 0, got -1$/, { gamma: -1 }],
  ['γ NaN', RangeError, /^gamma expected .*, got NaN$/, { gamma: NaN }],
  ['γ infinite', RangeError, /^gamma expected .*, got Infinity$/, { gamma: Infinity }],
  ['γ a string', TypeError, /^gamma expected .*, got "2"$/, { gamma: '2' }],
  ['γ null', TypeError, /^gamma expected .*, got null$/, { gamma: null }],
  ['γ a bigint', TypeError, /^gamma expected .*, got 2n$/, { gamma: 2n }],
  ['unknown reduction', RangeError, /^reduction expected 'mean' or 'sum' or 'none', got "max"$/, { reduction: 'max' }],
  ['reduction null', TypeError, /^reduction expected .*, got null$/, { reduction: null }],
  ['reduction of a prototype', RangeError, /^reduction expected .*, got "toString"$/, { reduction: 'toString' }],
  ['ignored unknown', RangeError, /^ignored expected 'zero' or 'drop', got "skip"$/, { ignored: 'skip' }],
  ['ignored a boolean', TypeError, /^ignored expected .*, got true$/, { ignored: true }],
  ['ignoreIndex a fraction', RangeError, /^ignoreIndex expected an integer.*, got 0\.5$/, { ignoreIndex: 0.5 }],
  ['ignoreIndex NaN', RangeError, /^ignoreIndex expected an integer.*, got NaN$/, { ignoreIndex: NaN }],
  [
    'ignoreIndex too large',
    RangeError,
    /^ignoreIndex expected an integer.*, got 4294967196$/,
    { ignoreIndex: 2 ** 32 - 100 },
  ],
  ['ignoreIndex a bigint', TypeError, /^ignoreIndex expected an integer.*, got -100n$/, { ignoreIndex: -100n }],
  ['unknown option', RangeError, /^options expected only gamma, .*, got "ignore_index"$/, { ignore_index: 3 }],
  ['α empty', RangeError, /^alpha expected at least one number, got an empty array$/, { alpha: [] }],
  ['α a string', TypeError, /^alpha expected .*, got "auto"$/, { alpha: 'auto' }],
  ['α of strings', TypeError, /^alpha\[1\] expected .*, got "2"$/, { alpha: [1, '2', 1] }],
  ['α with a gap', TypeError, /^alpha\[1\] expected .*, got undefined$/, { alpha: [1, undefined, 1] }],
  ['α of zeros alone', RangeError, /^alpha expected a weight > 0, got only zeros$/, { alpha: [0, 0, 0] }],
  ['α with a negative weight', RangeError, /^alpha\[2\] expected .*, got -1$/, { alpha: [0.5, 0.5, -1] }],
  ['α with NaN', RangeError, /^alpha\[1\] expected .*, got NaN$/, { alpha: new Float32Array([1, NaN, 1]) }],
  ['α infinite', RangeError, /^alpha\[0\] expected .*, got Infinity$/, { alpha: [Infinity, 1, 1] }],
  ['α a function', TypeError, /^alpha expected .*, got a function$/, { alpha: () => 1 }],
  ['α an object', TypeError, /^alpha expected .*, got Object$/, { alpha: { length: 3 } }],
  [
    'divisor unknown',
    RangeError,
    /^divisor expected 'valid' or .* or a number > 0, got "count"$/,
    { divisor: 'count' },
  ],
  ['divisor 0', RangeError, /^divisor expected a finite number > 0, got 0$/, { divisor: 0 }],
  ['divisor < 0', RangeError, /^divisor expected a finite number > 0, got -2$/, { divisor: -2 }],
  ['divisor NaN', RangeError, /^divisor expected a finite number > 0, got NaN$/, { divisor: NaN }],
  ['divisor infinite', RangeError, /^divisor expected a finite number > 0, got Infinity$/, { divisor: Infinity }],
  ['divisor null', TypeError, /^divisor expected .*, got null$/, { divisor: null }],
  ['divisor a bigint', TypeError, /^divisor expected .*, got 3n$/, { divisor: 3n }],
  [
    'a divisor of the sum',
    RangeError,
    /^divisor expected reduction 'mean' to go with, got "sum"$/,
    { reduction: 'sum', divisor: 'valid' },
  ],
  [
    'a divisor of each',
    RangeError,
    /^divisor expected reduction 'mean' to go with, got "none"$/,
    { reduction: 'none', divisor: 2 },
  ],
  ['classAxis 0', RangeError, /^classAxis expected 1 or -1, got 0$/, { classAxis: 0 }],
  ['classAxis 2', RangeError, /^classAxis expected 1 or -1, got 2$/, { classAxis: 2 }],
  ['classAxis a word', TypeError, /^classAxis expected 1 or -1, got "last"$/, { classAxis: 'last' }],
  [
    'input unknown',
    RangeError,
    /^input expected 'logits' or 'probabilities' or 'logProbabilities', got "odds"$/,
    { input: 'odds' },
  ],
  ['input a boolean', TypeError, /^input expected .*, got true$/, { input: true }],
  ['options null', TypeError, /^options expected an object, got null$/, null],
  ['options a number', TypeError, /^options expected an object, got 2$/, 2],
  ['options a string', TypeError, /^options expected an object, got "mean"$/, 'mean'],
];

const SOFTMAX_OPTIONS: Row[] = [
  ['α a number', TypeError, /^alpha expected .*, got 0\.25$/, { alpha: 0.25 }],
  ['α that float32 rounds to 0', RangeError, /^alpha\[1\] expected .*, got 1e-50$/, { alpha: [1, 1e-50, 1] }],
  ['α that float32 cannot hold', RangeError, /^alpha\[1\] expected .*, got 1e\+300$/, { alpha: [1, 1e300, 1] }],
  ['smoothing', RangeError, /^options expected only .*, got "smoothing"$/, { smoothing: 0.1 }],
  ['background', RangeError, /^options expected only .*, got "background"$/, { background: 3 }],
  ['gammaNegative', RangeError, /^options expected only .*, got "gammaNegative"$/, { gammaNegative: 4 }],
  ['clip', RangeError, /^options expected only .*, got "clip"$/, { clip: 0.05 }],
  ['the divisor of the other', RangeError, /^divisor expected 'valid' or 'weights' or/, { divisor: 'positives' }],
  ['labelSmoothing 1', RangeError, /^labelSmoothing expected a number in \[0, 1\), got 1$/, { labelSmoothing: 1 }],
  ['labelSmoothing < 0', RangeError, /^labelSmoothing expected .*, got -0\.1$/, { labelSmoothing: -0.1 }],
  ['labelSmoothing NaN', RangeError, /^labelSmoothing expected .*, got NaN$/, { labelSmoothing: NaN }],
  ['labelSmoothing null', TypeError, /^labelSmoothing expected .*, got null$/, { labelSmoothing: null }],
];

const SIGMOID_OPTIONS: Row[] = [
  ['α NaN', RangeError, /^alpha expected .*, got NaN$/, { alpha: NaN }],
  ['α > 1', RangeError, /^alpha expected .*, got 1\.5$/, { alpha: 1.5 }],
  ['α > 1 in a class', RangeError, /^alpha\[1\] expected .*, got 2$/, { alpha: [0.5, 2, 0.5] }],
  ['smoothing < 0', RangeError, /^smoothing expected .*, got -0\.1$/, { smoothing: -0.1 }],
  ['smoothing 1', RangeError, /^smoothing expected .*, got 1$/, { smoothing: 1 }],
  ['smoothing NaN', RangeError, /^smoothing expected .*, got NaN$/, { smoothing: NaN }],
  ['smoothing null', TypeError, /^smoothing expected .*, got null$/, { smoothing: null }],
  ['labelSmoothing', RangeError, /^options expected only .*, got "labelSmoothing"$/, { labelSmoothing: 0.1 }],
  ['the divisor of the other', RangeError, /^divisor expected 'valid' or 'positives' or/, { divisor: 'weights' }],
  ['gammaNegative < 0', RangeError, /^gammaNegative expected a finite number ≥ 0, got -1$/, { gammaNegative: -1 }],
  ['gammaNegative null', TypeError, /^gammaNegative expected .*, got null$/, { gammaNegative: null }],
  ['clip 1', RangeError, /^clip expected a number in \[0, 1\), got 1$/, { clip: 1 }],
  ['clip < 0', RangeError, /^clip expected .*, got -0\.05$/, { clip: -0.05 }],
  ['clip a string', TypeError, /^clip expected .*, got "0\.05"$/, { clip: '0.05' }],
  ['background a fraction', RangeError, /^background expected an integer of 32 bits, got 1\.5$/, { background: 1.5 }],
  ['background a bigint', TypeError, /^background expected .*, got 3n$/, { background: 3n }],
  [
    'background that is ignored',
    RangeError,
    /^background expected another label than ignoreIndex, got -100$/,
    { background: -100 },
  ],
];

const label = (i: number, got: string, classes = 3) =>
  new RegExp(`^targets\\[${i}\\] expected an integer in \\[0, ${classes}\\) or ignoreIndex -100, got ${got}$`);
const tensor = (data: unknown, ...dims: unknown[]) => ({ data, dims });

/** Logits and targets. */
const INPUTS: Row[] = [
  ['a label of C', RangeError, label(1, '3'), z, [0, 3]],
  ['a label of −1', RangeError, label(0, '-1'), z, [-1, 0]],
  ['a label in BigInt64Array', RangeError, label(1, '12'), z, new BigInt64Array([0n, 12n])],
  ['a label of 2^32', RangeError, label(0, '4294967296'), z, new BigInt64Array([2n ** 32n, 0n])],
  ['a label of 2^32 − 100', RangeError, label(0, '4294967196'), z, new Uint32Array([2 ** 32 - 100, 0])],
  [
    'a label of 2^64 − 100',
    RangeError,
    label(1, String(2n ** 64n - 100n)),
    z,
    new BigUint64Array([0n, 2n ** 64n - 100n]),
  ],
  ['a label in Uint8Array', RangeError, label(1, '255'), z, new Uint8Array([0, 255])],
  ['a label in Uint16Array', RangeError, label(1, '65436'), z, new Uint16Array([0, 65436])],
  ['a label in Int32Array', RangeError, label(1, '-2147483648'), z, new Int32Array([0, -(2 ** 31)])],
  ['a fraction', RangeError, label(1, '0\\.5'), z, [0, 0.5]],
  ['NaN as a label', RangeError, label(0, 'NaN'), z, [NaN, 0]],
  ['∞ as a label', RangeError, label(0, 'Infinity'), z, [Infinity, 0]],
  ['a string as a label', TypeError, /^targets\[1\] expected .*, got "1"$/, z, [0, '1']],
  ['null as a label', TypeError, /^targets\[0\] expected .*, got null$/, z, [null, 0]],
  ['a gap among the labels', TypeError, /^targets\[1\] expected .*, got undefined$/, z, [0, undefined]],
  ['a bigint out of range among plain labels', RangeError, label(1, '3'), z, [0, 3n]],
  ['a huge bigint among plain labels', RangeError, label(0, '18446744073709552000'), z, [2n ** 64n, 0n]],
  ['a boolean as a label', TypeError, /^targets\[0\] expected .*, got true$/, z, [true, 0]],
  ['a bad label behind an ignored one', RangeError, label(1, '7'), z, [-100, 7]],
  ['a bad label in planes', RangeError, label(3, '9', 2), tensor(new Float32Array(8), 2, 2, 2), [0, 1, 0, 9]],
  ['a fraction among float labels', RangeError, label(1, '1\\.5'), z, Float32Array.of(0, 1.5)],
  ['NaN among float labels', RangeError, label(0, 'NaN'), z, Float64Array.of(NaN, 1)],
  ['a float label past int32', RangeError, label(1, '4294967296'), z, Float64Array.of(0, 2 ** 32)],
  ['a DataView as targets', TypeError, /^targets expected .*, got /, z, new DataView(new ArrayBuffer(8))],
  ['no targets', TypeError, /^targets expected .*, got undefined$/, z, undefined],
  ['null targets', TypeError, /^targets expected .*, got null$/, z, null],
  ['a number as targets', TypeError, /^targets expected .*, got 1$/, z, 1],
  ['a string as targets', TypeError, /^targets expected .*, got "01"$/, z, '01'],
  ['targets without dims', TypeError, /^targets expected .*, got Object$/, z, { data: [0, 1] }],
  ['targets without data', TypeError, /^targets(\.data)? expected .*, got (Object|undefined)$/, z, { dims: [2] }],
  [
    'targets of another rank',
    RangeError,
    /^targets(\.dims)? expected .*, got \[1,2\]$/,
    tensor(z, 2, 3),
    tensor([0, 1], 1, 2),
  ],
  ['targets of another length', RangeError, /^targets expected .*, got length 3$/, tensor(z, 2, 3), [0, 1, 2]],
  ['targets whose dims lie', RangeError, /^targets\.dims expected .*, got \[3\]$/, z, tensor([0, 1], 3)],
  ['detached targets', TypeError, /^targets expected .*attached/, z, detached(new Int32Array(2))],

  [
    'a length that does not divide',
    RangeError,
    /^logits expected .*multiple of the 4 targets, got 6$/,
    z,
    [0, 0, 0, 0],
  ],
  ['more targets than logits', RangeError, /^logits expected .*, got 6$/, z, new Array(7).fill(0)],
  ['no targets for logits', RangeError, /^logits expected .*, got 6$/, z, []],
  ['no logits for targets', RangeError, /^logits expected .*, got 0$/, new Float32Array(0), [0]],
  ['no logits', TypeError, /^logits expected .*, got undefined$/, undefined, y],
  ['null logits', TypeError, /^logits expected .*, got null$/, null, y],
  ['a number as logits', TypeError, /^logits expected .*, got 3$/, 3, y],
  ['a string as logits', TypeError, /^logits expected .*, got "123456"$/, '123456', y],
  ['a function as logits', TypeError, /^logits expected .*, got a function$/, () => z, y],
  ['a plain array as logits', TypeError, /^logits expected .*, got an array of length 6$/, [1, 2, 3, 4, 5, 6], y],
  ['integer logits', TypeError, /^logits expected .*, got Int32Array of length 6$/, new Int32Array(6), y],
  [
    'Uint16Array that is not said to be float16',
    TypeError,
    /^logits\.data expected .*, got Uint16Array/,
    tensor(new Uint16Array(6), 2, 3),
    y,
  ],
  ['a DataView as logits', TypeError, /^logits expected .*, got /, new DataView(new ArrayBuffer(24)), y],
  ['an ArrayBuffer as logits', TypeError, /^logits expected .*, got ArrayBuffer$/, new ArrayBuffer(24), y],
  ['detached logits', TypeError, /^logits expected .*attached/, detached(new Float32Array(6)), y],
  [
    'detached logits in a tensor',
    TypeError,
    /^logits expected .*attached/,
    tensor(detached(new Float32Array(6)), 0, 3),
    [],
  ],
  ['logits without dims', TypeError, /^logits expected .*, got Object$/, { data: z }, y],
  ['logits whose data is null', TypeError, /^logits(\.data)? expected .*, got null$/, tensor(null, 2, 3), y],
  ['dims that are null', TypeError, /^logits(\.dims)? expected .*, got (null|Object)$/, { data: z, dims: null }, y],
  ['dims that are a number', TypeError, /^logits\.dims expected .*, got 6$/, { data: z, dims: 6 }, y],
  ['rank 1', RangeError, /^logits\.dims expected at least \[B, C\], got \[6\]$/, tensor(z, 6), y],
  ['rank 0', RangeError, /^logits\.dims expected .*, got \[\]$/, tensor(new Float32Array(1)), y],
  [
    'C = 0',
    RangeError,
    /^logits\.dims\[1\] expected 1 to 2147483647 classes, got 0$/,
    tensor(new Float32Array(0), 2, 0),
    y,
  ],
  ['dims that do not multiply up', RangeError, /^logits\.dims expected .*6, got \[2,4\]$/, tensor(z, 2, 4), y],
  ['a negative dim', RangeError, /^logits\.dims\[0\] expected an integer ≥ 0, got -2$/, tensor(z, -2, -3), y],
  ['a fraction among dims', RangeError, /^logits\.dims\[1\] expected an integer ≥ 0, got 1\.5$/, tensor(z, 4, 1.5), y],
  ['NaN among dims', RangeError, /^logits\.dims\[0\] expected an integer ≥ 0, got NaN$/, tensor(z, NaN, 3), y],
  ['a string among dims', TypeError, /^logits\.dims\[0\] expected .*, got "2"$/, tensor(z, '2', 3), y],
  [
    '33 dims',
    RangeError,
    /^logits\.dims expected at most 32 dimensions, got 33$/,
    tensor(z, ...new Array(31).fill(1), 2, 3),
    y,
  ],
  [
    'dims that claim any length',
    RangeError,
    /^targets\.dims expected at most 32 dimensions, got 33554432$/,
    z,
    { data: y, dims: { length: 33554432 } },
  ],
  [
    'dims without a length',
    TypeError,
    /^logits\.dims expected an array of dimensions, got Object$/,
    { data: z, dims: {} },
    y,
  ],
  ['a bigint among dims', TypeError, /^logits\.dims\[1\] expected .*, got 3n$/, tensor(z, 2, 3n), y],
];

/** Targets by the loss and its options, which take them or do not. */
type TargetRow = [
  name: string,
  error: Row[1],
  message: RegExp,
  options: object,
  logits: unknown,
  targets: unknown,
  calls?: object,
];
const rows23 = tensor(z, 2, 3);
const TARGETS: Record<'softmax' | 'sigmoid', TargetRow[]> = {
  softmax: [
    [
      'shares < 0',
      RangeError,
      /^targets\[4\] expected a finite number ≥ 0, got -0\.5$/,
      {},
      rows23,
      tensor([1, 0, 0, 0, -0.5, 1], 2, 3),
    ],
    [
      'a share of NaN',
      RangeError,
      /^targets\[0\] expected a finite number ≥ 0, got NaN$/,
      {},
      rows23,
      tensor([NaN, 0, 0, 0, 0, 1], 2, 3),
    ],
    [
      'an infinite share',
      RangeError,
      /^targets\[5\] expected a finite number/,
      {},
      rows23,
      tensor([0, 0, 0, 0, 0, Infinity], 2, 3),
    ],
    [
      'a share past float32',
      RangeError,
      /^targets\[5\] expected a finite number/,
      {},
      rows23,
      tensor([0, 0, 0, 0, 0, 1e39], 2, 3),
    ],
    [
      'shares without dims',
      RangeError,
      /^targets expected .* \(targets in the shape of the logits need dims on both\)$/,
      {},
      rows23,
      new Float32Array(6),
    ],
    ['logits without dims', RangeError, /^targets expected /, {}, z, tensor(new Float32Array(6), 2, 3)],
    [
      'one class',
      RangeError,
      /^logits expected at least 2 classes \(SigmoidFocalLoss, --loss sigmoid, is that of one logit a sample\), got 1$/,
      {},
      tensor(z, 6, 1),
      [0, 0, 0, 0, 0, 0],
    ],
    [
      'one class without dims',
      RangeError,
      /^logits expected at least 2 classes \(SigmoidFocalLoss/,
      {},
      z,
      [0, 0, 0, 0, 0, 0],
    ],
  ],
  sigmoid: [
    [
      'a tag > 1',
      RangeError,
      /^targets\[2\] expected a number in \[0, 1\] or ignoreIndex -100, got 1\.5$/,
      {},
      rows23,
      tensor([1, 0, 1.5, 0, 0, 1], 2, 3),
    ],
    [
      'a tag < 0',
      RangeError,
      /^targets\[0\] expected a number in \[0, 1\] or ignoreIndex -100, got -1$/,
      {},
      rows23,
      tensor([-1, 0, 1, 0, 0, 1], 2, 3),
    ],
    ['a tag of NaN', RangeError, /^targets\[3\] expected .*, got NaN$/, {}, rows23, tensor([1, 0, 1, NaN, 0, 1], 2, 3)],
    [
      'a tag of −100 that is not ignored',
      RangeError,
      /^targets\[3\] expected .* or ignoreIndex 255, got -100$/,
      { ignoreIndex: 255 },
      rows23,
      tensor([1, 0, 1, -100, 0, 1], 2, 3),
    ],
    [
      'soft tags, asymmetric',
      RangeError,
      /^targets\[1\] expected 0 or 1, as gammaNegative and clip take them, or ignoreIndex -100, got 0\.5$/,
      { gammaNegative: 4 },
      rows23,
      tensor([1, 0.5, 1, 0, 0, 1], 2, 3),
    ],
    [
      'soft tags, clipped',
      RangeError,
      /^targets\[1\] expected 0 or 1, as gammaNegative and clip/,
      { clip: 0.05 },
      rows23,
      tensor([1, 0.5, 1, 0, 0, 1], 2, 3),
    ],
    [
      'tags without dims',
      RangeError,
      /^targets expected .* \(targets in the shape of the logits need dims on both\)$/,
      {},
      rows23,
      new Uint8Array(6),
    ],
    [
      'C for one class',
      RangeError,
      /^targets\[1\] expected a number in \[0, 1\] or ignoreIndex -100, got 2$/,
      {},
      tensor(z, 6, 1),
      [0, 2, 0, 0, 0, 0],
    ],
    ['a label of C without background', RangeError, label(1, '3'), {}, rows23, [0, 3]],
    [
      'C where the background is −1',
      RangeError,
      /^targets\[1\] expected an integer in \[0, 3\), background -1 or ignoreIndex -100, got 3$/,
      { background: -1 },
      rows23,
      [0, 3],
    ],
    [
      'a background that is a class',
      RangeError,
      /^background expected none of the classes \[0, 3\), got 2$/,
      { background: 2 },
      rows23,
      [0, 1],
    ],
    [
      'a background of one class',
      RangeError,
      /^background expected at least 2 classes .*, got 1$/,
      { background: 2 },
      tensor(z, 6, 1),
      [0, 0, 0, 0, 0, 0],
    ],
  ],
};
/** Of either loss. */
const EITHER: TargetRow[] = [
  [
    'another number of classes',
    RangeError,
    /^targets expected shape \[2\] to go with logits \[2,3\], got \[2,2\]$/,
    {},
    rows23,
    tensor([1, 0, 0, 1], 2, 2),
  ],
  [
    'the shape of the other axis',
    RangeError,
    /^targets expected shape \[1,2\] to go with logits \[1,3,2\], got \[1,3\] \(which fits classAxis -1; it is 1\)$/,
    {},
    tensor(z, 1, 3, 2),
    tensor([0, 1, 0], 1, 3),
  ],
  [
    'the shape of axis 1',
    RangeError,
    /, got \[1,2\] \(which fits classAxis 1; it is -1\)$/,
    { classAxis: -1 },
    tensor(z, 1, 3, 2),
    tensor([0, 1], 1, 2),
  ],
  [
    'logits on a GPU',
    TypeError,
    /^logits\.location expected 'cpu', where await tensor\.getData\(\) brings the data, got "gpu-buffer"$/,
    {},
    { dims: [2, 3], location: 'gpu-buffer' },
    y,
  ],
  [
    'targets on a GPU',
    TypeError,
    /^targets\.location expected 'cpu', where await tensor\.getData\(\) brings the data, got "ml-tensor"$/,
    {},
    rows23,
    { dims: [2], location: 'ml-tensor' },
  ],
  [
    'a gradient of probabilities',
    RangeError,
    /^input expected 'logits' where a gradient is wanted, got "probabilities"$/,
    { input: 'probabilities' },
    null,
    null,
  ],
  ['too few weights', RangeError, /^weights expected 2 numbers, one a sample, got 1$/, {}, rows23, y, { weights: [1] }],
  [
    'weights per logit',
    RangeError,
    /^weights expected 2 numbers, one a sample, got 6$/,
    {},
    rows23,
    y,
    { weights: new Float32Array(6) },
  ],
  [
    'a weight < 0',
    RangeError,
    /^weights\[1\] expected a finite float32 number ≥ 0, got -1$/,
    {},
    rows23,
    y,
    { weights: [1, -1] },
  ],
  [
    'a weight of NaN',
    RangeError,
    /^weights\[0\] expected a finite float32 number ≥ 0, got NaN$/,
    {},
    rows23,
    y,
    { weights: [NaN, 1] },
  ],
  [
    'a weight past float32',
    RangeError,
    /^weights\[0\] expected .*, got 1e\+39$/,
    {},
    rows23,
    y,
    { weights: [1e39, 1] },
  ],
  [
    'a weight that is a string',
    TypeError,
    /^weights\[1\] expected a number, got "1"$/,
    {},
    rows23,
    y,
    { weights: [1, '1'] },
  ],
  [
    'bigint weights',
    TypeError,
    /^weights\[0\] expected a number, got 1n$/,
    {},
    rows23,
    y,
    { weights: BigInt64Array.of(1n, 1n) },
  ],
  ['a number for weights', TypeError, /^weights expected an array of numbers, got 1$/, {}, rows23, y, { weights: 1 }],
  [
    'a DataView for weights',
    TypeError,
    /^weights expected an array of numbers, got /,
    {},
    rows23,
    y,
    { weights: new DataView(new ArrayBuffer(8)) },
  ],
  [
    'an option that is none',
    RangeError,
    /^options expected only (grad, upstream, )?weights for .*, got "weight"$/,
    {},
    rows23,
    y,
    { weight: [1, 1] },
  ],
];

const shared = new Float32Array(7);

/** Options of valueAndGrad. */
const GRADIENT: Row[] = [
  ['a grad too short', RangeError, /^grad expected length 6.*, got 5$/, { grad: new Float32Array(5) }],
  ['a grad too long', RangeError, /^grad expected length 6.*, got 7$/, { grad: new Float32Array(7) }],
  [
    'a grad of float64',
    TypeError,
    /^grad expected Float32Array, got Float64Array of length 6$/,
    { grad: new Float64Array(6) },
  ],
  ['a plain grad', TypeError, /^grad expected Float32Array, got an array of length 6$/, { grad: [0, 0, 0, 0, 0, 0] }],
  ['a grad of null', TypeError, /^grad expected Float32Array, got null$/, { grad: null }],
  ['a detached grad', TypeError, /^grad expected .*attached/, { grad: detached(new Float32Array(6)) }],
  ['a grad over a part of the logits', RangeError, /^grad expected .*, got an overlap$/, { grad: memory.subarray(1) }],
  [
    'a grad over upstream',
    RangeError,
    /^grad expected memory apart from upstream, got an overlap$/,
    { grad: shared.subarray(0, 6), upstream: shared.subarray(5, 7) },
  ],
  ['too few upstream', RangeError, /^upstream expected length 2.*, got 1$/, { upstream: new Float32Array(1) }],
  ['upstream per logit', RangeError, /^upstream expected length 2.*, got 6$/, { upstream: new Float32Array(6) }],
  ['upstream a string', TypeError, /^upstream expected .*, got "1"$/, { upstream: '1' }],
  ['upstream null', TypeError, /^upstream expected .*, got null$/, { upstream: null }],
  ['upstream a plain array', TypeError, /^upstream expected .*, got an array of length 2$/, { upstream: [1, 1] }],
  ['a detached upstream', TypeError, /^upstream expected .*attached/, { upstream: detached(new Float32Array(2)) }],
  [
    'unknown option',
    RangeError,
    /^options expected only grad, upstream, weights for valueAndGrad, got "out"$/,
    { out: new Float32Array(6) },
  ],
  ['options null', TypeError, /^options expected an object, got null$/, null],
  ['options an array', TypeError, /^options expected an object, got /, 3],
];

const WEIGHTS: Row[] = [
  [
    'a rate of 0',
    RangeError,
    /^rates\[1\] expected a finite number > 0 \(the option absent .*\), got 0$/,
    [0.5, 0, 0.5],
  ],
  ['a negative rate', RangeError, /^rates\[0\] expected .*, got -1$/, [-1, 1]],
  ['NaN', RangeError, /^rates\[1\] expected .*, got NaN$/, [1, NaN]],
  ['an infinite rate', RangeError, /^rates\[1\] expected .*, got Infinity$/, [1, Infinity]],
  ['no class', RangeError, /^rates expected at least one number, got an empty array$/, []],
  ['strings', TypeError, /^rates\[0\] expected .*, got "1"$/, ['1', 2]],
  ['bigints', TypeError, /^rates\[0\] expected .*, got 1n$/, new BigInt64Array([1n, 2n])],
  ['null', TypeError, /^rates expected an array of numbers, got null$/, null],
  ['undefined', TypeError, /^rates expected an array of numbers, got undefined$/],
  ['a number', TypeError, /^rates expected an array of numbers, got 3$/, 3],
  ['β NaN', RangeError, /^beta expected a finite number, got NaN$/, [1, 2], NaN],
  ['β a string', TypeError, /^beta expected a finite number, got "1"$/, [1, 2], '1'],
  ['β null', TypeError, /^beta expected a finite number, got null$/, [1, 2], null],
  ['weights past float32', RangeError, /^beta expected .*, got 200$/, [1e-5, 1], 200],
];

describe.each(backends)('$name', ({ api }) => {
  const losses = {
    softmax: (options?: object) => new api.SoftmaxFocalLoss(options as object),
    sigmoid: (options?: object) => new api.SigmoidFocalLoss(options as object),
  };
  type Name = keyof typeof losses;

  function refuses(call: () => unknown, error: Row[1], message: RegExp): void {
    let thrown: unknown;
    try {
      call();
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBeInstanceOf(error);
    expect((thrown as Error).message).toMatch(message);
  }

  describe.each(['softmax', 'sigmoid'] as Name[])('%s', (name) => {
    const rows = [...OPTIONS, ...(name === 'softmax' ? SOFTMAX_OPTIONS : SIGMOID_OPTIONS)];
    test.each(rows)('options: %s', (_, error, message, options) => {
      refuses(() => losses[name](options as object), error, message);
    });

    test.each(INPUTS)('inputs: %s', (_, error, message, logits, targets) => {
      const loss = losses[name]();
      const before = loss.valueAndGrad(z, y);
      refuses(() => loss.forward(logits as Logits, targets as Targets), error, message);
      refuses(() => loss.valueAndGrad(logits as Logits, targets as Targets), error, message);
      expect(loss.valueAndGrad(z, y)).toEqual(before);
    });

    test.each([...TARGETS[name], ...EITHER])('targets: %s', (_, error, message, options, logits, targets, calls) => {
      const loss = losses[name](options as object);
      const plain = losses[name]();
      const before = plain.valueAndGrad(z, y);
      if (logits) refuses(() => loss.forward(any(logits), any(targets), any(calls)), error, message);
      const given = logits ? [logits, targets] : [rows23, y];
      refuses(() => loss.valueAndGrad(any(given[0]), any(given[1]), any(calls)), error, message);
      expect(plain.valueAndGrad(z, y)).toEqual(before);
    });

    test('a numeric divisor divides the sum', () => {
      const sum = losses[name]({ reduction: 'sum' }).valueAndGrad(z, y);
      const { value, grad } = losses[name]({ divisor: 256 }).valueAndGrad(z, y);
      expect(value).toBe((sum.value as number) / 256);
      expect(grad).toEqual(sum.grad.map((g) => g / 256));
    });

    test('data that is in memory, wherever it came from', () => {
      const cpu = { data: z, dims: [2, 3], location: 'cpu-pinned' };
      expect(losses[name]().forward(cpu, { data: Int32Array.from(y), dims: [2, 1], location: 'cpu' })).toBe(
        losses[name]().forward(z, y),
      );
    });

    test.each(GRADIENT)('gradient: %s', (_, error, message, options) => {
      const loss = losses[name]({ reduction: 'none' });
      const before = loss.valueAndGrad(z, y);
      refuses(() => loss.valueAndGrad(z, y, any(options)), error, message);
      expect(loss.valueAndGrad(z, y)).toEqual(before);
    });

    test.each([1, 2, 4])('α for %i classes, logits of 3', (classes) => {
      const loss = losses[name]({ alpha: new Array(classes).fill(0.5) });
      refuses(() => loss.forward(z, y), RangeError, new RegExp(`^alpha expected .*3 weights, got ${classes}$`));
    });

    test.each(['mean', 'sum'])('upstream per sample with %s', (reduction) => {
      const loss = losses[name]({ reduction });
      const upstream = new Float32Array(2);
      refuses(
        () => loss.valueAndGrad(z, y, any({ upstream })),
        TypeError,
        /^upstream expected a number.*, got Float32Array/,
      );
    });

    test('undefined options mean the defaults', () => {
      const nothing = { gamma: undefined, alpha: undefined, reduction: undefined, ignoreIndex: undefined };
      const loss = losses[name](nothing);
      expect(loss.forward(z, y)).toBe(losses[name]().forward(z, y));
      expect(loss.valueAndGrad(z, y, any({ grad: undefined, upstream: undefined }))).toEqual(loss.valueAndGrad(z, y));
    });

    test.each([
      ['[0]', new Float32Array(0), []],
      ['[0, 5]', tensor(new Float32Array(0), 0, 5), []],
      ['[0, 5, 4]', tensor(new Float32Array(0), 0, 5, 4), []],
      ['[2, 5, 0]', tensor(new Float32Array(0), 2, 5, 0), tensor([], 2, 0)],
    ] as [string, Logits, Targets][])('nothing is no error: %s', (_, logits, targets) => {
      for (const reduction of ['mean', 'sum']) expect(losses[name]({ reduction }).forward(logits, targets)).toBe(0);
      expect(losses[name]({ reduction: 'none' }).forward(logits, targets)).toEqual(new Float32Array(0));
      expect(losses[name]().valueAndGrad(logits, targets)).toEqual({ value: 0, grad: new Float32Array(0) });
    });
  });

  test.each(WEIGHTS)('class weights: %s', (_, error, message, ...rates) => {
    refuses(() => (api as Api).classWeights(any(rates[0]), any(rates[1])), error, message);
  });
});
