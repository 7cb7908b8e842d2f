import { probe, SHORT } from './suite.js';

onmessage = async ({ data: entry }) => {
  postMessage(await probe(() => import(entry), SHORT).catch((error) => ({ error: String(error?.stack ?? error) })));
};
