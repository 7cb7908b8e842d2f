// The short benchmark in a Cloudflare Worker, whose clock stands still while code runs: a request is so many calls of one
// contender of one cell, timed from outside.
import * as api from 'focal-simd';
import { openCell, PORTABLE_CELLS } from './speed.js';

let open = {};

export default {
  async fetch(request) {
    const query = new URL(request.url).searchParams;
    const id = query.get('cell');
    if (open.id !== id)
      open = {
        id,
        ...openCell(
          api,
          PORTABLE_CELLS.find((cell) => cell.id === id),
        ),
      };
    open[query.get('contender')](Number(query.get('count')));
    return Response.json(0);
  },
};
