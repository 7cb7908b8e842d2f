/** What is in the tarball and whether tools, compilers and bundlers understand it. */
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { BUDGETS, ENTRIES } from '../../scripts/entries.mjs';
import { gzipSize } from './bundle.mjs';
import { commandLines } from './drivers/command-line.mjs';
import { run } from './drivers/process.mjs';

/** The command of a package of the repository's own. */
function command(root, name, bin) {
  return path.join(root, 'node_modules', name, bin);
}

async function tarballFiles({ tarball }) {
  const listing = await run('tar', ['-tvzf', tarball]);
  const files = listing
    .trim()
    .split('\n')
    .map((line) => line.split(/\s+/))
    .map(([, , size, , , name]) => `${size.padStart(9)}  ${name.replace('package/', '')}`);
  const { length } = await readFile(tarball);
  return `${files.length} files, ${length} bytes packed\n${files.join('\n')}`;
}

async function lint({ sandbox }) {
  const pkgDir = path.join(sandbox, 'node_modules/focal-simd');
  const { messages, pkg } = await publint({ pkgDir, strict: true, pack: false });
  if (messages.length) throw new Error(messages.map((message) => formatMessage(message, pkg)).join('\n'));
}

async function typesWrong({ root, tarball }) {
  const attw = command(root, '@arethetypeswrong/cli', 'dist/index.js');
  // The binary is no module of types; CommonJS callers get the same ES module.
  await run(process.execPath, [
    attw,
    tarball,
    '--profile',
    'esm-only',
    '--exclude-entrypoints',
    './focal.wasm',
    '--no-color',
  ]);
}

const CONSUMER = `
import { backend, classWeights, SigmoidFocalLoss, SoftmaxFocalLoss } from 'focal-simd';
import { FocalMeter, type SigmoidReport, type SoftmaxReport } from 'focal-simd/meter';
import type { Everything } from 'focal-simd/module';
import * as scalar from 'focal-simd/scalar';
const logits = new Float32Array(20);
const mean: number = new SoftmaxFocalLoss().forward(logits, [1, 2]);
const each: Float32Array = new SigmoidFocalLoss({ reduction: 'none' }).forward({ data: logits, dims: [2, 10] }, new BigInt64Array(2));
const { value, grad }: { value: number; grad: Float32Array } = scalar.SoftmaxFocalLoss
  ? new scalar.SoftmaxFocalLoss({ alpha: classWeights([1, 2, 3]), reduction: 'sum' }).valueAndGrad(logits, [0, 1])
  : { value: mean, grad: each };
const name: 'simd' | 'scalar' = backend();
const meter: FocalMeter<SoftmaxFocalLoss> = new FocalMeter(new SoftmaxFocalLoss(), { classes: 10, topK: [1] });
const report: SoftmaxReport = meter.compute();
// losses and meters of every entry go together
const curves: SigmoidReport = new FocalMeter(new scalar.SigmoidFocalLoss(), { classes: 10, curves: true }).compute();
meter.merge(new scalar.FocalMeter(new SoftmaxFocalLoss(), { classes: 10, topK: [1] }));
const brought = (api: Everything) => new FocalMeter(new api.SoftmaxFocalLoss(), { classes: 10 }).merge(meter);
// @ts-expect-error a confusion matrix is for softmax losses
new FocalMeter(new scalar.SigmoidFocalLoss(), { classes: 10, confusion: true });
// @ts-expect-error an unknown reduction
new SoftmaxFocalLoss({ reduction: 'median' });
// @ts-expect-error 'none' gives an array
const wrong: number = new SoftmaxFocalLoss({ reduction: 'none' }).forward(logits, [0, 1]);
export { brought, curves, each, grad, mean, name, report, value, wrong };
`;

async function compile({ root, sandbox }, module, moduleResolution) {
  const file = path.join(sandbox, 'consumer.mts');
  // the declarations of every entry, whether the program below uses it or not
  const subpath = (name) => (name === 'index' ? '' : `/${name}`);
  const every = ENTRIES.map(({ name }, i) => `export * as entry${i} from 'focal-simd${subpath(name)}';\n`);
  await writeFile(file, every.join('') + CONSUMER);
  const tsc = command(root, 'typescript', 'bin/tsc');
  const flags = [
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--module',
    module,
    '--moduleResolution',
    moduleResolution,
  ];
  await run(process.execPath, [tsc, ...flags, file], { cwd: sandbox });
}

/** The rules of JSR's configuration file: name with scope, version, exports that exist, and nothing it does not know. */
async function jsr({ root }) {
  const config = JSON.parse(await readFile(path.join(root, 'jsr.json'), 'utf8'));
  const { version, license } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const known = ['$schema', 'name', 'version', 'license', 'exports', 'publish'];
  const problems = Object.keys(config)
    .filter((key) => !known.includes(key))
    .map((key) => `unknown key ${key}`);
  if (!/^@[a-z][a-z0-9-]{1,19}\/[a-z][a-z0-9-]{1,57}$/.test(config.name)) problems.push(`name ${config.name}`);
  if (config.version !== version) problems.push(`version ${config.version}, not ${version}`);
  if (config.license !== license) problems.push(`license ${config.license}, not ${license}`);
  if (problems.length) throw new Error(problems.join('; '));
  const { command: deno } = commandLines.find(({ name }) => name === 'Deno');
  await run(deno, ['publish', '--dry-run', '--allow-dirty', '--quiet'], {
    cwd: root,
    env: { DENO_NO_UPDATE_CHECK: '1' },
  });
}

async function sizes({ sandbox, bundles }, { name: application, bytes: most }) {
  const measured = {};
  for (const [bundler, files] of Object.entries(bundles)) {
    measured[bundler] = await gzipSize(path.join(sandbox, files[application]));
  }
  const text = Object.entries(measured).map(([bundler, size]) => `${bundler} ${size}`);
  const detail = `${text.join(', ')} of at most ${most} bytes`;
  if (Object.values(measured).some((size) => size > most)) throw new Error(detail);
  return detail;
}

/** A Node that has no WebAssembly file support must still find the binary. */
async function binary({ sandbox }) {
  const file = createRequire(path.join(sandbox, 'package.json')).resolve('focal-simd/focal.wasm');
  const module = new WebAssembly.Module(await readFile(file));
  const imports = WebAssembly.Module.imports(module);
  if (imports.length)
    throw new Error(`it imports ${imports.map(({ module, name }) => `${module}.${name}`).join(', ')}`);
  return `${(await readFile(file)).length} bytes, no imports`;
}

export const packageChecks = (context) => [
  { name: 'tarball', check: () => tarballFiles(context) },
  { name: 'focal.wasm', check: () => binary(context) },
  { name: 'publint', check: () => lint(context) },
  { name: 'are the types wrong', check: () => typesWrong(context) },
  { name: 'types under nodenext', check: () => compile(context, 'nodenext', 'nodenext') },
  { name: 'types under bundler', check: () => compile(context, 'esnext', 'bundler') },
  { name: 'jsr.json', check: () => jsr(context) },
  ...BUDGETS.map((budget) => ({
    name: `${budget.name}, minified and gzipped`,
    check: () => sizes(context, budget),
  })),
];
