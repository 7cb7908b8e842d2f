/** Timing: contenders take turns in rounds on one processor, so that a noisy neighbour hits all of them alike. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { Bench } from 'tinybench';

/**
 * Keep this thread, and the processes it starts from here on, on one processor: on two, a neighbour of either would hit
 * those that run there alone. Threads that compile stay where they are. Gives whether it could be done, which needs
 * `taskset`.
 */
export function pin() {
  try {
    execFileSync('taskset', ['-cp', `${cpus().length - 1}`, `${process.pid}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * The first quartile: what a neighbour takes from a run only ever adds to its time, and more than half of the runs can
 * be hit.
 */
export function quartile(values) {
  return Float64Array.from(values).sort()[values.length >> 2];
}

/**
 * Time every contender for a turn a round, of one call at least; the first of a round is another each time. With `warm`
 * each has an untimed call just before, so that none pays for what the one before it left in the caches.
 *
 * @param contenders `{ name, run, async }`; `run` may give `{ overriddenDuration }` in ms
 * @param limits `{ rounds, budget, least, warm, turn }`: at most so many rounds, none begun after so many ms, but
 *   `least` (2) of them; ms of a turn (0, which is one call)
 * @returns Map of name → milliseconds of each call
 */
export async function takeTurns(contenders, { rounds, budget, least = 2, warm = false, turn = 0 }) {
  const samples = new Map(contenders.map(({ name }) => [name, []]));
  const start = performance.now();
  for (let round = 0; round < rounds && (round < least || performance.now() - start < budget); round++) {
    for (let i = 0; i < contenders.length; i++) {
      const { name, run, async = false } = contenders[(i + round) % contenders.length];
      const bench = new Bench({
        time: turn,
        iterations: 1,
        warmup: warm,
        warmupTime: 0,
        warmupIterations: 1,
        retainSamples: true,
        throws: true,
      });
      bench.add(name, run, { async });
      await bench.run();
      samples.get(name).push(...bench.tasks[0].result.latency.samples);
    }
  }
  return samples;
}

export function median(values) {
  return Float64Array.from(values).sort()[values.length >> 1];
}

/**
 * Calls in turns, the first of a round another each time, so that a ratio is that of one moment: medians over the
 * rounds.
 */
export class PairedRounds {
  #calls;
  #updates;
  #times;

  /**
   * @param calls what is timed, by name
   * @param updates calls of a turn
   */
  constructor(calls, updates = 1) {
    this.#calls = Object.entries(calls);
    this.#updates = updates;
    this.#times = Object.fromEntries(this.#calls.map(([name]) => [name, []]));
  }

  /** Add so many rounds, after a quarter as many that warm up. */
  run(rounds) {
    for (let round = -rounds >> 2; round < rounds; round++) {
      for (const [name, call] of round & 1 ? this.#calls.toReversed() : this.#calls) {
        const start = performance.now();
        for (let update = 0; update < this.#updates; update++) call();
        const took = (performance.now() - start) / this.#updates;
        if (round >= 0) this.#times[name].push(took);
      }
    }
    return this;
  }

  /** Nanoseconds of a call by what it has to do, `n` of something. */
  nanoseconds(name, n) {
    return (median(this.#times[name]) * 1e6) / n;
  }

  /** How many times as long one call takes as another. */
  ratio(name, other) {
    return median(this.#times[name].map((took, i) => took / this.#times[other][i]));
  }
}

/** The largest difference of two arrays, in units of the largest number of the second. */
export function arrayDifference(a, b) {
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    // A NaN fails this comparison the right way round.
    if (!(d <= difference)) difference = d;
    if (Math.abs(b[i]) > largest) largest = Math.abs(b[i]);
  }
  return difference / (largest || 1);
}
