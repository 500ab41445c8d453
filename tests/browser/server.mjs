/**
 * A static web server like a plain host: MIME types, caching, gzip, and a sub-path as the root.
 * By hand: IMAGO_WEB=dist node server.mjs
 */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.ron': 'text/plain; charset=utf-8',
  '.bpk': 'application/octet-stream',
};
const PACKED = new Set(['.html', '.css', '.js', '.mjs', '.json', '.wasm', '.ron']);

/**
 * Serves `folder` at `mount` on a free local port (or `port`). Resolves to `{ url, close }`, `url`
 * ending in a slash. Compressible files are sent as gzip: from `<file>.gz`, or compressed here if
 * that does not exist.
 */
export async function serve(folder, { mount = '/some/where/', port = 0, caching = 'max-age=600' } = {}) {
  const root = resolve(folder);
  await readFile(resolve(root, 'index.html')).catch(() => {
    throw new Error(`${root} has no index.html: build the page first, or set IMAGO_WEB to its folder`);
  });
  const packed = new Map();

  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const file = resolve(root, decoded(pathname.slice(mount.length)) || 'index.html');
    const body = pathname.startsWith(mount) && file.startsWith(root + sep) && await readFile(file).catch(() => null);
    if (!body) return response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');

    const headers = { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream', 'cache-control': caching, vary: 'accept-encoding' };
    if (!PACKED.has(extname(file)) || !/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
      return response.writeHead(200, headers).end(body);
    }
    if (!packed.get(file)?.body.equals(body)) packed.set(file, { body, gzip: await gzipped(file, body) });
    return response.writeHead(200, { ...headers, 'content-encoding': 'gzip' }).end(packed.get(file).gzip);
  });
  await new Promise((done, failed) => server.once('error', failed).listen(port, '127.0.0.1', done));

  return {
    url: `http://127.0.0.1:${server.address().port}${mount}`,
    close: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
}

/** A path without its escapes; one with invalid escapes is unchanged. */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A file as gzip: `<file>.gz`, or `body` compressed. */
export async function gzipped(file, body) {
  return readFile(`${file}.gz`).catch(() => gzipSync(body, { level: 9 }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { web } = await import('./site.mjs');
  console.log((await serve(web, { port: 8080 })).url);
}
