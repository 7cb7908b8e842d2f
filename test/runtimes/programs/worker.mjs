// A Cloudflare Worker under test. MODULE_SCOPE is set by the bundler: the first calls are made while the module loads, or
// inside the first request. The meter compiles kernels of its own, so it needs a call as well.
import * as api from 'focal-simd';
import * as meter from 'focal-simd/meter';
import { probe, SHORT } from './suite.js';

const first = () => new api.SoftmaxFocalLoss().forward(new Float32Array(10), [3]);
const early = MODULE_SCOPE ? first() : undefined;
if (MODULE_SCOPE) {
  new meter.FocalMeter(new api.SoftmaxFocalLoss(), { classes: 10 }).update(new Float32Array(10), [3]);
}

export default {
  async fetch(request) {
    if (new URL(request.url).pathname === '/first') return Response.json(early ?? first());
    const report = await probe(
      () => api,
      () => meter,
      SHORT_CORPUS ? SHORT : undefined,
    );
    return Response.json(report);
  },
};
