import { probe, SHORT } from './suite.js';

globalThis.onmessage = async ({ data: entry }) => {
  postMessage(await probe(() => import(entry), SHORT).catch((error) => ({ error: `${error}\n${error?.stack}` })));
};
