/**
 * The stub gateway as a process of its own, so that it outlives a killed contender.
 *
 *   node bench/stub-gateway.ts [succeed|follow]
 *
 * Its first line on stdout is its URL. It ends when its stdin does, which a pipe from its parent ensures,
 * however that one ends. Beside the gateway's calls: GET /_stub/calls (JSON lines), GET /_stub/stats,
 * GET /_stub/reached?calls=N (answers when so many came), POST /_stub/reset.
 */
import { createBook } from './stub/book.ts';
import { createStubGateway, stubModes } from './stub/gateway.ts';
import { startStubServer } from './stub/http-server.ts';

const asked = process.argv[2] ?? 'succeed';
const mode = stubModes.find((known) => known === asked);
if (mode === undefined) throw new Error(`expected ${stubModes.join(' or ')}, not ${asked}`);

const server = await startStubServer(createStubGateway({ mode, book: createBook(), now: Date.now }));
process.stdout.write(`${server.url}\n`);
process.stdin.resume().once('close', () => server.close());
