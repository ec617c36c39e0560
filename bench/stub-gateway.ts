/**
 * The stub gateway as a process of its own, so that it outlives a killed contender.
 *
 *   node bench/stub-gateway.ts [succeed|follow] [latency in ms] [share of records that meets a fault]
 *
 * Its first line on stdout is its URL. It ends when its stdin does, which a pipe from its parent ensures,
 * however that one ends. Beside the gateway's calls: GET /_stub/calls (JSON lines), GET /_stub/stats,
 * GET /_stub/accounts, GET /_stub/reached?calls=N (answers when so many came), POST /_stub/forget (the keys), POST /_stub/reset.
 */
import { createBook } from './stub/book.ts';
import { createStubGateway, stubModes } from './stub/gateway.ts';
import { startStubServer } from './stub/http-server.ts';

const [asked = 'succeed', latency = '0', faults = '0'] = process.argv.slice(2);
const mode = stubModes.find((known) => known === asked);
if (mode === undefined) throw new Error(`expected ${stubModes.join(' or ')}, not ${asked}`);

const options = { mode, book: createBook(), now: Date.now, latencyMs: Number(latency), faultShare: Number(faults) };
const server = await startStubServer(createStubGateway(options));
process.stdout.write(`${server.url}\n`);
process.stdin.resume().once('close', () => server.close());
