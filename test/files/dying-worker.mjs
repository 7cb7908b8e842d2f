// In the place of the real one: takes a share as it does, and is gone.
import { workerData } from 'node:worker_threads';

Atomics.store(workerData.shares, 1 + workerData.worker, Atomics.add(workerData.shares, 0, 1));
if (workerData.worker === 0) process.exit(3);
setInterval(() => {}, 1000);
