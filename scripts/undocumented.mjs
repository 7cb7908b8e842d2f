/** Exports that editors show nothing of: prints them, and fails where there are any. */
import { fileURLToPath } from 'node:url';
import { undocumented } from './declarations.mjs';

const found = undocumented(fileURLToPath(new URL('..', import.meta.url)));
if (found.length > 0) {
  console.error(`without a comment: ${found.join(', ')}`);
  process.exitCode = 1;
}
