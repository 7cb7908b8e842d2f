/** The programs of docs/recipes.md, over what is built: each prints what the comments behind its prints say. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';

const root = join(fileURLToPath(new URL('..', import.meta.url)));
const text = readFileSync(join(root, 'docs/recipes.md'), 'utf8');
const recipes = [...text.matchAll(/^## (.*)\n[\s\S]*?```js\n([\s\S]*?)```/gm)].map(([, title, code]) => ({
  title,
  code,
}));

test.each(recipes)('$title', async ({ title, code }) => {
  const folder = join(root, 'build/recipes');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${title?.replace(/\W+/g, '-')}.mjs`);
  writeFileSync(file, code as string);
  const printed: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((value) => void printed.push(String(value)));
  try {
    await import(/* @vite-ignore */ file);
  } finally {
    log.mockRestore();
  }
  const promised = [...(code as string).matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1]);
  expect(promised.length).toBeGreaterThan(0);
  expect(printed).toEqual(promised);
});
