import type { Judgement } from '../compare/judge.ts';

/** Language of a report. */
export type Language = 'en' | 'zh';

/** Options of `renderReport`. */
export interface ReportOptions {
  /** Heading of the page and of its tab. Default 'Evaluation' or 'Comparison'. */
  title?: string;
  /** What was evaluated, as the reader knows it. */
  model?: string;
  /** Names of the classes, in the order of their indices. Default: class 0, class 1, … */
  names?: readonly string[] | null;
  /** What `judge` or `judgeReport` of focal-simd/compare gave: the verdict that heads the page. Default: none. */
  judgement?: Judgement | null;
  /** Texts of the samples by their index: at least of those among the hardest, which alone are shown. */
  texts?: ReadonlyMap<number, string> | readonly string[] | null;
  /** When it was evaluated. Default: now; null leaves it out, so that the same state gives the same bytes. */
  date?: Date | null;
  /** More facts for the head of the report: a name and a value each. */
  facts?: readonly (readonly [name: string, value: string])[];
  /** The command that gives the same numbers. */
  command?: string;
  /** Confidence of the intervals, in (0, 1). Default 0.95. */
  confidence?: number;
  /** Of states of groups: the metric by which they are worst for certain. Default 'accuracy'. */
  worstBy?: string;
  /** Default 'en'. */
  language?: Language;
}
