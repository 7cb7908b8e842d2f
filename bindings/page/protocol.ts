/** What the page and its worker say to each other. Everything is plain data, or a File. */
import type { ComparisonState } from '../compare/codec.ts';
import type { ComparisonReport } from '../compare/fields.ts';
import type { Dtype } from '../files/dtypes.ts';
import type { InputScale } from '../losses/options.ts';
import type { MeterState } from '../meter/codec.ts';
import type { SlicedState } from '../meter/slices-codec.ts';
import type { Metrics, Pair } from '../report/format.ts';
import type { GroupsReport } from '../report/groups.tsx';
import type { Sample } from '../report/sections.tsx';

/** What a part of a file is for. */
export type Role = 'logits' | 'baseline' | 'targets' | 'names' | 'texts' | 'groups' | 'state' | 'unused';

/** An array, a text, a table or a state among what was dropped. */
export interface Part {
  readonly id: string;
  /** Place of its file among those that were dropped. */
  readonly file: number;
  /** As the command names it: `both.npz:logits`. */
  readonly name: string;
  readonly member: string | null;
  readonly kind: 'floats' | 'integers' | 'lines' | 'table' | 'state';
  readonly dtype?: Dtype | 'string';
  readonly shape: readonly number[];
  /** Of a table. */
  readonly columns?: readonly { readonly name: string; readonly kind: string }[];
}

/** The controls, as they stand. */
export interface Choices {
  readonly loss: 'softmax' | 'sigmoid';
  readonly gamma: number;
  /** Empty: the default of the loss; `auto`; or numbers. */
  readonly alpha: string;
  /** What the numbers given as logits are. */
  readonly input: InputScale;
  /** Sigmoid: of the probability; γ of negatives, null for γ; clip; label of none of the classes, null for none. */
  readonly smoothing: number;
  readonly gammaNegative: number | null;
  readonly clip: number;
  readonly background: number | null;
  /** Softmax: of the targets. */
  readonly labelSmoothing: number;
  readonly ignoreIndex: number;
  readonly classAxis: 1 | -1;
  readonly bins: number;
  readonly confusion: boolean;
  readonly curves: boolean;
  /** Of a table: its column of labels, its columns of scores, and that of texts. */
  readonly target: string;
  readonly scores: string;
  readonly text: string;
  /** Its column of groups, and the columns of the scores of another model; empty for none. */
  readonly group: string;
  readonly baseline: string;
}

export interface Job {
  readonly files: readonly File[];
  readonly parts: readonly Part[];
  readonly roles: Readonly<Record<string, Role>>;
  readonly choices: Choices;
}

export type Request =
  | { readonly type: 'inspect'; readonly files: readonly File[] }
  | ({ readonly type: 'evaluate' } & Job)
  | { readonly type: 'cell'; readonly target: number; readonly prediction: number }
  | { readonly type: 'cancel' }
  /** What the worker asked the page to read; null where it could not. */
  | { readonly type: 'bytes'; readonly id: number; readonly bytes: ArrayBuffer | null };

/** What the evaluation of one model gives. */
export interface Evaluated {
  readonly state: MeterState | SlicedState;
  /** Of all groups together: without groups the same. */
  readonly total: MeterState;
  readonly metrics: Metrics;
  /** Counts of losses by the first bits of their float32: a quarter of an octave each. Null for states alone. */
  readonly losses: readonly number[] | null;
  /** The hardest samples, their rows read again. */
  readonly hardest: readonly Sample[];
  /** The most frequent confusions, where there are too many classes for a matrix. */
  readonly pairs: readonly Pair[];
  /** The groups, by each metric that they can be ordered by; null without groups. */
  readonly groups: readonly GroupsReport[] | null;
  /** Whether what was given as logits looks like probabilities. */
  readonly probable: boolean;
}

/** The model against another one. */
export interface Compared {
  readonly state: ComparisonState;
  readonly report: ComparisonReport;
}

/** What comes of what was dropped: an evaluation, a comparison, or both. */
export interface Result {
  readonly evaluated: Evaluated | null;
  readonly compared: Compared | null;
  readonly names: readonly string[] | null;
  readonly texts: ReadonlyMap<number, string> | null;
  readonly seconds: number;
  readonly bytes: number;
  readonly backend: string;
}

export type Answer =
  | { readonly type: 'parts'; readonly parts: readonly Part[]; readonly errors: readonly string[] }
  | {
      readonly type: 'progress';
      /** Samples of this pass. */
      readonly done: number;
      /** Of all passes; null where only the end can tell. */
      readonly share: number | null;
      readonly bytes: number;
    }
  | { readonly type: 'result'; readonly result: Result }
  | {
      readonly type: 'samples';
      readonly target: number;
      readonly prediction: number;
      readonly samples: readonly Sample[];
      readonly texts: ReadonlyMap<number, string> | null;
    }
  | {
      readonly type: 'read';
      readonly id: number;
      readonly file: number;
      readonly offset: number;
      readonly length: number;
    }
  | { readonly type: 'error'; readonly message: string }
  | { readonly type: 'cancelled' };
