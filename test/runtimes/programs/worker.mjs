// A Cloudflare Worker under test. MODULE_SCOPE is set by the bundler: the first call is made while the module loads, or
// inside the first request.
import * as api from 'focal-simd';
import { probe, SHORT } from './suite.js';

const first = () => new api.SoftmaxFocalLoss().forward(new Float32Array(10), [3]);
const early = MODULE_SCOPE ? first() : undefined;

export default {
  async fetch(request) {
    if (new URL(request.url).pathname === '/first') return Response.json(early ?? first());
    return Response.json(await probe(() => api, SHORT_CORPUS ? SHORT : undefined));
  },
};
