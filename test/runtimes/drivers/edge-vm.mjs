/** The Edge VM (Vercel's edge functions) with code generation off: no eval, and no compiling of WebAssembly bytes. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { EdgeVM } from '@edge-runtime/vm';
import { build } from 'esbuild';

/** As the platform does it: `./x.wasm?module` is compiled at deployment and handed over as a WebAssembly.Module. */
const wasmModules = (modules) => ({
  name: 'wasm-modules',
  setup(builder) {
    builder.onResolve({ filter: /\.wasm\?module$/ }, ({ path: specifier, resolveDir }) => ({
      path: path.join(resolveDir, specifier.replace('?module', '')),
      namespace: 'wasm-module',
    }));
    builder.onLoad({ filter: /./, namespace: 'wasm-module' }, async ({ path: file }) => {
      const name = `wasm_${modules.size}`;
      modules.set(name, new WebAssembly.Module(await readFile(file)));
      return { contents: `export default globalThis.${name};` };
    });
  },
});

async function evaluate(sandbox, corpus, conditions) {
  const modules = new Map();
  const { outputFiles } = await build({
    entryPoints: [path.join(sandbox, 'edge.mjs')],
    bundle: true,
    write: false,
    format: 'iife',
    target: 'es2022',
    conditions,
    define: { SHORT_CORPUS: String(corpus === 'short') },
    plugins: [wasmModules(modules)],
    logLevel: 'error',
  });
  const vm = new EdgeVM({
    codeGeneration: { strings: false, wasm: false },
    extend: (context) => Object.assign(context, Object.fromEntries(modules)),
  });
  vm.evaluate(outputFiles[0].text);
  return JSON.parse(await vm.evaluate('report'));
}

export function edgeHosts({ sandbox }) {
  return [
    {
      name: 'Edge VM',
      version: async () => createRequire(import.meta.url)('@edge-runtime/vm/package.json').version,
      scenarios: [
        {
          name: 'no code generation',
          backend: 'simd',
          corpus: 'full',
          run: () => evaluate(sandbox, 'full', ['edge-light']),
        },
        // The default entry cannot compile there, and must still answer.
        {
          name: 'no code generation, inlined binary',
          backend: 'scalar',
          corpus: 'short',
          run: () => evaluate(sandbox, 'short', []),
        },
      ],
    },
  ];
}
