import { probe, SHORT } from './suite.js';

globalThis.onmessage = async ({ data: { entry, meter } }) => {
  const report = await probe(
    () => import(entry),
    () => import(meter),
    SHORT,
  ).catch((error) => ({ error: `${error}\n${error?.stack}` }));
  postMessage(report);
};
