// The short benchmark, from the command line; the first argument is how many rounds it takes.
import * as api from 'focal-simd';
import { timeAll } from './speed.js';

console.log(JSON.stringify(await timeAll(api, { rounds: Number(process.argv[2]) })));
