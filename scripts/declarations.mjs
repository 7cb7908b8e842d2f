/** The type declarations, one tree for all entries: a class in two files would be two types to TypeScript. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ENTRIES } from './entries.mjs';

/** `A, type B, C as D` of another file, each as a declaration that needs no import of a value. */
function reexported(names, from) {
  const lines = [];
  for (const entry of names.split(',').map((name) => name.trim())) {
    if (entry.startsWith('type ')) {
      lines.push(`export type { ${entry.slice('type '.length)} } from ${from};`);
    } else if (entry !== '') {
      const [name, as = name] = entry.split(' as ');
      lines.push(`export declare const ${as}: typeof import(${from}).${name};`);
    }
  }
  return lines.join('\n');
}

/**
 * JSR finds `./x.d.ts` only by that name, and TypeScript takes that name only in imports of types, so all become that.
 *
 * @param {string} declarations as tsc emits them
 */
function typesOnly(declarations) {
  return declarations
    .replace(/^import \* as/gm, 'import type * as')
    .replace(/^import (?:type )?\{(.*)\} from/gm, (_, names) => `import type {${names.replace(/\btype /g, '')}} from`)
    .replace(/^export \{ (.*) \} from ('.*');/gm, (_, names, from) => reexported(names, from))
    .replace(/((?:from |import\()(['"])\..*?)\.tsx?\2/g, '$1.d.ts$2');
}

/** The comment that stands before a node. */
const commentOf = (node) => ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc)?.getText();
const commentOfSymbol = (symbol) => symbol?.declarations?.map(commentOf).find(Boolean);

/** The comment before what a function returns. */
function commentOfReturn(callee) {
  const returns = callee?.body?.statements?.filter(ts.isReturnStatement) ?? [];
  return returns.map(commentOf).find(Boolean);
}

/**
 * What editors show of an exported value that has no comment of its own: that of the function it is, of the member of
 * the API it is, of what the function that makes it returns, or of its type. So each comment is written once.
 */
function inherited(checker, symbol) {
  if (symbol.flags & ts.SymbolFlags.Alias) return commentOfSymbol(checker.getAliasedSymbol(symbol));
  const node = symbol.valueDeclaration;
  if (!node) return undefined;
  const [name, { initializer }] = [node.name.text, ts.isBindingElement(node) ? node.parent.parent : node];
  if (ts.isBindingElement(node)) return commentOfSymbol(checker.getTypeAtLocation(initializer).getProperty(name));
  const signature = initializer && ts.isCallExpression(initializer) && checker.getResolvedSignature(initializer);
  const type = checker.getTypeOfSymbol(symbol);
  return (
    commentOfReturn(signature?.declaration) ?? commentOfSymbol(type.aliasSymbol) ?? commentOfSymbol(type.getSymbol())
  );
}

/** The declarations of an entry with a comment before every value. */
function withComments(declarations, comments) {
  const file = ts.createSourceFile('entry.d.ts', declarations, ts.ScriptTarget.ES2022, true);
  const values = file.statements.filter((statement) => ts.isVariableStatement(statement) && !commentOf(statement));
  return values.reduceRight((text, statement) => {
    const each = statement.declarationList.declarations.map((node) => {
      const comment = comments.get(node.name.text);
      return `${comment ? `${comment}\n` : ''}export declare const ${node.getText()};`;
    });
    return text.slice(0, statement.getStart()) + each.join('\n') + text.slice(statement.getEnd());
  }, declarations);
}

/** What a program knows of the entries, from their sources. */
function entriesOf(root) {
  const { options, fileNames } = ts.getParsedCommandLineOfConfigFile(join(root, 'bindings/tsconfig.json'), {}, ts.sys);
  const program = ts.createProgram(fileNames, options);
  const checker = program.getTypeChecker();
  return ENTRIES.map(({ name }) => {
    const file = program.getSourceFile(join(root, `bindings/entries/${name}.ts`));
    return { name, exports: checker.getExportsOfModule(checker.getSymbolAtLocation(file)), checker };
  });
}

/**
 * Exports that editors show nothing of.
 *
 * @param {string} root folder of the package
 * @returns {string[]} such as 'index: SoftmaxFocalLoss'
 */
export const undocumented = (root) =>
  entriesOf(root).flatMap(({ name, exports, checker }) =>
    exports
      .filter((symbol) => !commentOfSymbol(symbol) && !inherited(checker, symbol))
      .map((symbol) => `${name}: ${symbol.name}`),
  );

/** @param {string} root folder of the package */
export function buildDeclarations(root) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '--project', join(root, 'bindings/tsconfig.json')], { stdio: 'inherit' });
  const comments = new Map(
    entriesOf(root).map(({ name, exports, checker }) => [
      join('entries', `${name}.d.ts`),
      new Map(exports.map((symbol) => [symbol.name, inherited(checker, symbol)])),
    ]),
  );
  const types = join(root, 'dist/types');
  for (const name of readdirSync(types, { recursive: true })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = join(types, name);
    const declarations = typesOnly(readFileSync(file, 'utf8'));
    writeFileSync(file, comments.has(name) ? withComments(declarations, comments.get(name)) : declarations);
  }
}
