/** `focal-simd page`. */
import { readFile } from 'node:fs/promises';
import { EXIT } from './errors.ts';
import { prepareOutputs } from './outputs.ts';

export async function page({ output }: { output: string }): Promise<number> {
  const outputs = await prepareOutputs({ '--output': output }, []);
  // it lies beside the command in dist/
  await outputs.get('--output')!.write(await readFile(new URL('./focal.html', import.meta.url), 'utf8'));
  return EXIT.done;
}
