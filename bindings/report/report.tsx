/** The static report: one self-contained page without a script. */
import { renderToString } from 'preact-render-to-string';
import { FocalMeter } from '../entries/scalar.ts';
import { wrongType } from '../input/errors.ts';
import type { MeterState } from '../meter/codec.ts';
import { Curves } from './curves.tsx';
import { CONFIDENCE, confidenceOf, describe, type Fact, type Labels, type Metrics } from './format.ts';
import { Speaks, translator, useText } from './language.ts';
import style from './report.css';
import { Classes, Confusion, Hardest, Headline, Reliability } from './sections.tsx';
import { Thresholds } from './thresholds.ts';
import type { Language, ReportOptions } from './types.ts';

/** Replaced by the bundler. */
declare const VERSION: string;

/**
 * A page of HTML from the state of a meter: no script, nothing fetched, light and dark, to be printed.
 *
 * It uses neither WebAssembly nor a DOM, so it goes in Node, in Workers and in CI alike.
 *
 * @param state what `meter.toJSON()` gives, or a parsed file of `focal-simd evaluate --state`
 * @returns the page, from its doctype on
 * @throws TypeError and RangeError as `FocalMeter.fromJSON`
 * @example writeFileSync('report.html', renderReport(meter.toJSON(), { names, title: 'Nightly' }));
 */
export function renderReport(state: MeterState, options: ReportOptions = {}): string {
  if (typeof options !== 'object' || options === null) throw wrongType('options', 'an object', options);
  const { title, names = null, texts = null, language = 'en', confidence = CONFIDENCE } = options;
  const meter = FocalMeter.fromJSON(state);
  const labels: Labels = { names, texts: Array.isArray(texts) ? new Map(texts.entries()) : (texts as Labels['texts']) };
  const t = translator(language);
  const heading = title ?? t('Evaluation');
  const m = meter.compute({ confidence });
  const thresholds = Thresholds.of(meter, m);
  const { config } = meter.toJSON();
  const body = renderToString(
    <Speaks value={t}>
      <Report {...{ m, thresholds, config, labels }} title={heading} {...headOf(options)} />
    </Speaks>,
  );
  return page(language, heading, body);
}

const headOf = ({ date, facts = [], model, command }: ReportOptions): Head => ({
  date: date === undefined ? new Date() : date,
  facts,
  ...(model !== undefined && { model }),
  ...(command !== undefined && { command }),
});

interface Head {
  readonly date: Date | null;
  readonly facts: readonly Fact[];
  readonly model?: string;
  readonly command?: string;
}

interface ReportProps extends Head {
  readonly m: Metrics;
  readonly thresholds: Thresholds | null;
  readonly config: MeterState['config'];
  readonly labels: Labels;
  readonly title: string;
}

const version = typeof VERSION === 'string' ? VERSION : 'from source';

function Report({ m, thresholds, config, labels, title, date, facts, model, command }: ReportProps) {
  const t = useText();
  const all: Fact[] = [
    ...(model === undefined ? [] : [['model', model] as const]),
    ...facts,
    ...describe(config, m),
    ...(m.intervals ? [['intervals', confidenceOf(m)] as const] : []),
    ...(date ? [['date', `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`] as const] : []),
    ['made by', `focal-simd ${version}`],
  ];
  return (
    <main>
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
      <Headline m={m} labels={labels} />
      <Reliability m={m} />
      <Curves thresholds={thresholds} m={m} labels={labels} />
      <Classes m={m} labels={labels} />
      <Confusion m={m} labels={labels} />
      <Hardest m={m} labels={labels} />
    </main>
  );
}

/** No script may run in it, whatever a name or a text holds. */
const CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

function page(language: Language, title: string, body: string): string {
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
