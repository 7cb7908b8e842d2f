/**
 * The tables of docs/metrics.md between its markers, from the comments of bindings/meter/metrics/*.ts:
 * `node scripts/metrics-docs.mjs`. A test checks that they are up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Tables of metrics: title, file, and what the table is called there. */
const TABLES = [
  ['Over all samples', 'overall.ts', 'COMMON_METRICS'],
  ['Over all samples, softmax', 'overall.ts', 'SOFTMAX_METRICS'],
  ['Over all samples, sigmoid', 'overall.ts', 'SIGMOID_METRICS'],
  ['Of each class, and as `micro`, `macro` and `weighted` mean', 'decisions.ts', 'DECISION_METRICS'],
  ['Of each class', 'of-classes.ts', 'CLASS_METRICS'],
  ['Of each class, sigmoid', 'of-classes.ts', 'SIGMOID_CLASS_METRICS'],
];

const cell = (text) => (text ?? '').replaceAll('\n', ' ').replaceAll('|', '\\|').trim();

/** Name, definition and tags of each metric of a table. */
function metricsOf(file, table) {
  const path = at(`bindings/meter/metrics/${file}`);
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const metrics = [];
  const visit = (node) => {
    if (ts.isVariableDeclaration(node) && node.name.text === table) {
      for (const property of node.initializer.properties) {
        const [comment] = ts.getJSDocCommentsAndTags(property);
        const tags = ts.getJSDocTags(property).map((tag) => [tag.tagName.text, ts.getTextOfJSDocComment(tag.comment)]);
        metrics.push({
          name: property.name.text,
          text: ts.getTextOfJSDocComment(comment?.comment),
          ...Object.fromEntries(tags),
        });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  if (metrics.length === 0) throw new Error(`${file} has no table ${table}`);
  return metrics;
}

export function tables() {
  return TABLES.map(([title, file, table]) => {
    const rows = metricsOf(file, table).map((metric) => {
      for (const key of ['text', 'range', 'undefined']) {
        if (!metric[key]) throw new Error(`${table}.${metric.name} does not say its ${key}`);
      }
      const peers = [
        metric.sklearn && `scikit-learn: ${metric.sklearn}`,
        metric.torchmetrics && `torchmetrics: ${metric.torchmetrics}`,
      ];
      const cells = [
        `\`${metric.name}\``,
        metric.text,
        metric.range,
        metric.undefined,
        peers.filter(Boolean).join('; '),
      ];
      return `| ${cells.map(cell).join(' | ')} |`;
    });
    const head = '| field | definition | range | null when | the same number from |\n| --- | --- | --- | --- | --- |';
    return `### ${title}\n\n${head}\n${rows.join('\n')}\n`;
  }).join('\n');
}

const BEGIN = '<!-- metrics: made by scripts/metrics-docs.mjs -->\n';
const END = '<!-- end of metrics -->\n';

/** The document with its tables as they should be. */
export function renewed(text) {
  const [before, rest] = text.split(BEGIN);
  const [, after] = rest.split(END);
  return `${before}${BEGIN}\n${tables()}\n${END}${after}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = at('docs/metrics.md');
  writeFileSync(path, renewed(readFileSync(path, 'utf8')));
}
