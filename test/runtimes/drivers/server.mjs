/** A static server on the loopback address; pages post their reports back to it. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

/** Serves the folder `root`; `?csp=…` on a page becomes its Content-Security-Policy. */
export async function serveFolder(root) {
  const waiting = new Map();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    if (request.method === 'POST') {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end();
      waiting.get(url.searchParams.get('id'))?.(JSON.parse(body));
      return;
    }
    const file = path.join(root, path.normalize(decodeURIComponent(url.pathname)));
    const body = await readFile(file).catch(() => undefined);
    const headers = { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' };
    const csp = url.searchParams.get('csp');
    if (csp) headers['content-security-policy'] = csp;
    response.writeHead(body ? 200 : 404, headers).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  // whoever waits for a page waits for its report or its browser; the server alone keeps nothing running
  server.unref();
  let reports = 0;
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    /** A fresh id, and the report that will be posted under it. */
    expectReport(timeout = 180_000) {
      const id = String(++reports);
      let timer;
      const report = new Promise((resolve, reject) => {
        waiting.set(id, resolve);
        timer = setTimeout(() => reject(new Error(`the page posted nothing in ${timeout} ms`)), timeout);
      }).finally(() => clearTimeout(timer));
      return { id, report };
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
