/**
 * The fuzz: calls drawn from a seed, on every backend, each held against a float64 reference.
 *
 *     npm run fuzz [-- --seed N] [-- --calls N] [-- --most LOGITS]     random cases
 *     npm run fuzz -- --case INDEX [--seed N]                          one of them again, with its stack
 */
import { parseArgs } from 'node:util';
import { backends, broken } from '../apis.ts';
import { makeCase } from './cases.ts';
import { Caller, checkCase } from './checks.ts';

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    calls: { type: 'string', default: '100000' },
    most: { type: 'string', default: '3000' },
    case: { type: 'string' },
  },
});
const [seed, wanted, most] = [flags.seed, flags.calls, flags.most].map(Number) as [number, number, number];

/** More than this says nothing more. */
const MOST_FAILURES = 20;

const callers = backends.map(({ name, api }) => ({ name, caller: new Caller(api) }));
const calls = () => callers.reduce((sum, { caller }) => sum + caller.calls, 0);

/** A valid call between the others: whatever went before it, its bits are the same. */
const sentinel = ({ api }: Caller): string => {
  const logits = Float32Array.from({ length: 3 * 37 }, (_, i) => ((i * 29) % 31) / 4 - 4);
  const alpha = Float32Array.from({ length: 37 }, (_, c) => (c + 1) / 40);
  const results = [new api.SoftmaxFocalLoss({ alpha }), new api.SigmoidFocalLoss({ alpha })].map((loss) => {
    const { value, grad } = loss.valueAndGrad(logits, [0, 36, 5]);
    return [value, ...grad.subarray(0, 40)].join();
  });
  return results.join();
};
const expected = callers.map(({ caller }) => sentinel(caller));

let failures = 0;
let cases = 0;
const start = performance.now();
const only = flags.case === undefined ? null : Number(flags.case);
for (let index = only ?? 0; only === null ? calls() < wanted : index === only; index++, cases++) {
  for (const [b, { name, caller }] of callers.entries()) {
    // the guarded build is slow, and its results are those of the other
    if (name === 'debug' && index % 8 !== 0 && only === null) continue;
    const given = makeCase(seed, index, name === 'debug' ? Math.min(most, 3000) : most);
    try {
      checkCase(caller, given);
      if (index % 16 === 0 && sentinel(caller) !== expected[b]) throw new Error('later calls give other results');
      if (name === 'debug' && broken() !== 0) throw new Error('guards written over');
    } catch (error) {
      failures++;
      console.log(
        `case ${index} on ${name}: ${only === null ? (error as Error).message : (error as Error).stack}\n  ${given.title}`,
      );
    }
  }
  if (failures >= MOST_FAILURES) break;
}
const seconds = ((performance.now() - start) / 1000).toFixed(0);
console.log(
  `seed ${seed}: ${cases} cases, ${calls()} calls of up to ${most} logits in ${seconds} s, ${failures} unexplained`,
);
process.exitCode = failures ? 1 : 0;
