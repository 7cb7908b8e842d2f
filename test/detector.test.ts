import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
// @ts-expect-error plain JavaScript, as the examples are
import { loadDetector } from '../examples/compare/detector.mjs';

interface Answer {
  readonly languageId: string;
  readonly confidence: number;
}

const TEXTS = [
  'import { readFile } from "node:fs/promises";\nexport const size = async (path: string) => (await readFile(path)).length;\n',
  '# Größe\n\nDie Länge einer Datei – in Bytes, „nicht“ in Zeichen: `stat -c %s größe.txt`.\n',
];

it.each(['languagedetection-float32', 'languagedetection-uint8'])('gives the answers of %s itself', async (name) => {
  const { ModelOperations } = createRequire(import.meta.url)(name);
  const { languages, logits } = loadDetector(name);
  for (const text of TEXTS) {
    const z: Float32Array = logits(text);
    const largest = Math.max(...z);
    const sum = z.reduce((all, x) => all + Math.exp(x - largest), 0);
    const answers: Answer[] = await new ModelOperations().runModel(text);
    expect(answers).toHaveLength(languages.length);
    for (const { languageId, confidence } of answers) {
      const p = Math.exp((z[languages.indexOf(languageId)] as number) - largest) / sum;
      expect(Math.abs(p - confidence), languageId).toBeLessThan(1e-5);
    }
  }
});
