/**
 * Cuts the binary of all kernels (assembly/index.ts) into pieces: the losses, which stand alone, and what meters and
 * comparisons add to them, which import memory, functions and globals of the losses. So these are there once, in a page
 * and in its memory.
 *
 * A piece begins with the export NAME_END, a global that tells where the data of the piece ends; the other exports
 * follow. Of two pieces that export the same stage, the first has a `_` behind its name.
 */
import binaryen from 'binaryen';

const { BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SignExt, SIMD128 } = binaryen.Features;
const FEATURES = SIMD128 | BulkMemory | BulkMemoryOpt | MutableGlobals | SignExt | NontrappingFPToInt;
const MARK = /^[A-Z]+_END$/;
/** The module that pieces import from. */
const LOSSES = 'losses';

const list = (count, item, info) => Array.from({ length: count }, (_, i) => info(item(i)));
const exportsOf = (module) => list(module.getNumExports(), module.getExportByIndex, binaryen.getExportInfo);
const functionsOf = (module) => list(module.getNumFunctions(), module.getFunctionByIndex, binaryen.getFunctionInfo);
const globalsOf = (module) => list(module.getNumGlobals(), module.getGlobalByIndex, binaryen.getGlobalInfo);

function withFeatures(module) {
  module.setFeatures(FEATURES);
  return module;
}

/** The exports of each piece by name, and where its data begins and ends. */
function piecesOf(module) {
  const globals = new Map(globalsOf(module).map(({ name, init }) => [name, init]));
  const pieces = [];
  for (const { name, value } of exportsOf(module)) {
    if (MARK.test(name)) {
      const to = binaryen.getExpressionInfo(globals.get(value)).value;
      pieces.push({ names: new Set(), from: pieces.at(-1)?.to ?? 0, to });
    } else pieces.at(-1).names.add(name);
  }
  return pieces;
}

/** A module of the text with some of the exports, and what data lies in [from, to). */
function only(text, { names, from, to }) {
  const inside = (line, at) => (from <= at && at < to ? line : '');
  const module = withFeatures(binaryen.parseText(text.replace(/^ \(data \S+ \(i32\.const (\d+)\).*\n/gm, inside)));
  for (const { name } of exportsOf(module)) if (!names.has(name)) module.removeExport(name);
  return module;
}

const clean = (module) => module.runPasses(['remove-unused-module-elements']);

/** Let a piece import what the losses have; the names of what it needs of that. */
function importLosses(module, shared) {
  for (const [key, { name, params, results, type }] of shared) {
    if (results === undefined) {
      module.removeGlobal(name);
      module.addGlobalImport(name, LOSSES, key, type, true);
    } else {
      module.removeFunction(name);
      module.addFunctionImport(name, LOSSES, key, params, results);
    }
  }
  module.addMemoryImport('0', LOSSES, 'memory');
  clean(module);
  return [...functionsOf(module), ...globalsOf(module)].map(({ base }) => base);
}

/** Let the losses export what others import of them, and their stages under the names of the contract. */
function exportShared(module, shared, imported) {
  for (const [key, { name, results }] of shared) {
    if (!imported.has(key)) continue;
    if (results === undefined) module.addGlobalExport(name, key);
    else module.addFunctionExport(name, key);
  }
  for (const { name, value } of exportsOf(module)) {
    if (!name.endsWith('_')) continue;
    module.removeExport(name);
    module.addFunctionExport(value, name.slice(0, -1));
  }
}

/**
 * @param {Uint8Array} bytes all kernels
 * @returns {{ whole: Uint8Array, pieces: Uint8Array[] }}
 */
export function cut(bytes) {
  const all = withFeatures(binaryen.readBinary(bytes));
  if (all.getStart()) throw new Error('each piece would run what initialises globals: give them constants');
  const text = all.emitText();
  const [own, ...added] = piecesOf(all);

  own.names.add('memory');
  const losses = only(text, own);
  clean(losses);
  const items = [...functionsOf(losses), ...globalsOf(losses).filter(({ mutable }) => mutable)];
  // short, and told by the first character from the names of the contract
  const shared = new Map(items.map((item, i) => [`_${i.toString(36)}`, item]));
  const imported = new Set();
  const more = added.map((piece) => {
    const module = only(text, piece);
    for (const key of importLosses(module, shared)) imported.add(key);
    return module.emitBinary();
  });
  exportShared(losses, shared, imported);

  for (const { name } of exportsOf(all)) if (MARK.test(name) || name.endsWith('_')) all.removeExport(name);
  clean(all);
  return { whole: all.emitBinary(), pieces: [losses.emitBinary(), ...more] };
}
