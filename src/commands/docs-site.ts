/** `docs --serve`: the documentation as a site on loopback, with search. Nothing of it comes from another place. */
import { createReadStream, readdirSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

const headers = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** Serves until it is interrupted. The first line on stdout is the URL. */
export async function serveDocs(folder: string | undefined, port: number): Promise<ExitCode> {
  if (folder === undefined)
    throw new CommandError(exitCodes.usage, 'the folder site is missing beside the program: install the whole package again, or build it.');
  const files = filesOf(folder);
  const server = createServer((request, response) => answer(files, request, response));
  const url = await listen(server, port);
  process.stdout.write(`${url}\n`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  return exitCodes.ok;
}

/** Path in the URL -> file. Only what is there at the start is served. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  const served = new Map(paths.map((path) => [`/${relative(folder, path).split(sep).join('/')}`, path]));
  const index = served.get('/index.html');
  return index === undefined ? served : served.set('/', index);
}

function answer(files: ReadonlyMap<string, string>, request: IncomingMessage, response: ServerResponse): void {
  const end = (status: number, text: string): void =>
    void response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(405, 'only GET and HEAD');
  const file = files.get((request.url ?? '/').replace(/[?#].*$/s, ''));
  if (file === undefined) return end(404, 'no such page');
  response.writeHead(200, { ...headers, 'content-type': types[extname(file)] ?? 'text/plain; charset=utf-8' });
  if (request.method === 'HEAD') return void response.end();
  createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response);
}

async function listen(server: Server, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(port, '127.0.0.1', resolve);
  try {
    await promise;
  } catch (cause) {
    throw new CommandError(
      exitCodes.usage,
      `port ${port} cannot be used (${(cause as Error).message}): choose another one, or 0 for any.`,
      {
        cause,
      },
    );
  }
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : port}/`;
}
