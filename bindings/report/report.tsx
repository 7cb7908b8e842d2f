/** The static report: one self-contained page without a script. */
import type { JSX } from 'preact';
import { renderToString } from 'preact-render-to-string';
import type { ComparisonState } from '../compare/codec.ts';
import { FocalComparison, FocalMeter, SlicedMeter } from '../entries/scalar.ts';
import { checkNames, common, oneOf } from '../input/checks.ts';
import { kind, outOfRange, wrongType } from '../input/errors.ts';
import { printable } from '../input/foreign-text.ts';
import type { MeterState } from '../meter/codec.ts';
import type { SlicedState } from '../meter/slices-codec.ts';
import { Comparison, Verdict } from './comparison.tsx';
import { Confusion } from './crossing.tsx';
import { Curves } from './curves.tsx';
import { CONFIDENCE, confidenceOf, describe, describeComparison, type Fact, type Labels } from './format.ts';
import { Groups } from './groups.tsx';
import { Speaks, type Translate, translator, useText } from './language.ts';
import style from './report.css';
import { Classes, Hardest, Headline, Reliability } from './sections.tsx';
import { Thresholds } from './thresholds.ts';
import type { Language, ReportOptions } from './types.ts';

/** Replaced by the bundler. */
declare const VERSION: string;

const isComparison = (state: MeterState | SlicedState | ComparisonState): state is ComparisonState =>
  (state as { format?: unknown } | null)?.format === 'focal-simd/comparison';

function checkOptions(options: ReportOptions): void {
  common('renderReport', options, OPTIONS);
  const { title, model, command, date, facts = [], texts, judgement } = options;
  for (const [name, value] of Object.entries({ title, model, command })) {
    if (value !== undefined && typeof value !== 'string') throw wrongType(name, 'a string', value);
  }
  if (date != null && kind(date) !== 'Date') throw wrongType('date', 'a Date or null', date);
  if (Number.isNaN(date?.getTime())) throw outOfRange('date', 'a valid Date', 'an invalid one');
  if (texts != null && !Array.isArray(texts) && kind(texts) !== 'Map') {
    throw wrongType('texts', 'an array or a Map of strings, by the index of the sample', texts);
  }
  const isFact = (fact: unknown) => Array.isArray(fact) && fact.length === 2;
  if (!Array.isArray(facts) || !facts.every(isFact)) throw wrongType('facts', 'an array of [name, value]', facts);
  if (judgement != null && !Array.isArray(judgement.results)) {
    throw wrongType('judgement', 'what judge or judgeReport gave', judgement);
  }
}

/**
 * A page of HTML from the state of a meter or a comparison: no script, nothing fetched, light and dark, to be printed.
 *
 * It uses neither WebAssembly nor a DOM, so it goes in Node, in Workers and in CI alike.
 *
 * @param state what `toJSON()` of a meter, a sliced meter or a comparison gives, or a parsed file that `--state` of the
 *   command wrote
 * @returns the page, from its doctype on
 * @throws TypeError and RangeError as `fromJSON` of the meter and the comparison; TypeError for an option of the wrong
 *   type; RangeError for an unknown one, and for names of another number of classes
 * @example writeFileSync('report.html', renderReport(meter.toJSON(), { names, title: 'Nightly' }));
 */
export function renderReport(state: MeterState | SlicedState | ComparisonState, options: ReportOptions = {}): string {
  checkOptions(options);
  const { title, names = null, texts = null, language = 'en' } = options;
  oneOf('language', language, ['en', 'zh']);
  const labels: Labels = { names, texts: Array.isArray(texts) ? new Map(texts.entries()) : (texts as Labels['texts']) };
  const t = translator(language);
  const page = isComparison(state)
    ? comparisonPage(state, labels, t, options)
    : evaluationPage(state, labels, t, options);
  const heading = title ?? t(page.title);
  const html = renderToString(
    <Speaks value={t}>
      <main>
        <Head title={heading} facts={page.facts} options={options} />
        {page.body}
      </main>
    </Speaks>,
  );
  // what acts on a terminal or on the order of letters stands as \uXXXX in names and texts
  return whole(language, printable(heading), html.split('\n').map(printable).join('\n'));
}

const OPTIONS: readonly (keyof ReportOptions)[] = [
  'title',
  'model',
  'names',
  'judgement',
  'texts',
  'date',
  'facts',
  'command',
  'confidence',
  'worstBy',
  'language',
];

interface Page {
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly body: JSX.Element;
}

type PageOptions = Pick<ReportOptions, 'judgement' | 'confidence' | 'worstBy'>;

const isSliced = (state: MeterState | SlicedState): state is SlicedState =>
  (state as { format?: unknown } | null)?.format === 'focal-simd/slices';

function evaluationPage(
  state: MeterState | SlicedState,
  labels: Labels,
  t: Translate,
  { judgement, confidence = CONFIDENCE, worstBy = 'accuracy' }: PageOptions,
): Page {
  const slices = isSliced(state) ? SlicedMeter.fromJSON(state) : null;
  const meter = slices ? slices.total() : FocalMeter.fromJSON(state as MeterState);
  const m = meter.compute({ confidence });
  checkNames(labels.names, m.perClass.length);
  return {
    title: 'Evaluation',
    facts: [
      ...describe(meter.toJSON().config, m, t),
      ...(m.intervals ? [['intervals', confidenceOf(m)] as const] : []),
    ],
    body: (
      <>
        {judgement && <Verdict judgement={judgement} />}
        <Headline m={m} labels={labels} />
        {slices && <Groups groups={slices.compute({ confidence, metric: worstBy })} m={m} />}
        <Reliability m={m} />
        <Curves thresholds={Thresholds.of(meter, m)} m={m} labels={labels} />
        <Classes m={m} labels={labels} />
        <Confusion m={m} labels={labels} />
        <Hardest m={m} labels={labels} />
      </>
    ),
  };
}

function comparisonPage(
  state: ComparisonState,
  labels: Labels,
  t: Translate,
  { judgement, confidence = CONFIDENCE }: PageOptions,
): Page {
  const r = FocalComparison.fromJSON(state).compute({ confidence });
  checkNames(labels.names, state.baseline.config.classes);
  return {
    title: 'Comparison',
    facts: [...describeComparison(state.baseline.config, r, t), ['intervals', confidenceOf(r)]],
    body: <Comparison r={r} labels={labels} judgement={judgement ?? null} />,
  };
}

const version = typeof VERSION === 'string' ? VERSION : 'from source';

interface HeadProps {
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly options: ReportOptions;
}

/** What this is, and how it was made. */
function Head({ title, facts, options: { date = new Date(), model, command, ...more } }: HeadProps) {
  const t = useText();
  const all: Fact[] = [
    ...(model === undefined ? [] : [['model', model] as const]),
    ...(more.facts ?? []),
    ...facts,
    ...(date ? [['date', `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`] as const] : []),
    ['made by', `focal-simd ${version}`],
  ];
  return (
    <header>
      <h1>{title}</h1>
      <dl class="facts">
        {all.map(([name, value]) => (
          <div key={name}>
            <dt>{t(name)}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ))}
        {command !== undefined && (
          <div>
            <dt>{t('reproduce')}</dt>
            <dd>
              <code>{command}</code>
            </dd>
          </div>
        )}
      </dl>
    </header>
  );
}

/** No script may run in it, whatever a name or a text holds. */
const CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** The document around it. */
function whole(language: Language, title: string, body: string): string {
  const head = renderToString(
    <head>
      <meta charSet="utf-8" />
      <meta http-equiv="Content-Security-Policy" content={CSP} />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <link rel="icon" href="data:," />
      <title>{title}</title>
      {/* our own style sheet, whose quotes must stay */}
      <style dangerouslySetInnerHTML={{ __html: style }} />
    </head>,
  );
  return `<!doctype html>\n<html lang="${language === 'zh' ? 'zh-Hans' : 'en'}">${head}<body>${body}</body></html>\n`;
}
