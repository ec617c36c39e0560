/**
 * A proxy of a Redis that answers for one that has a replica and knows `WAITAOF` (Redis 7.2 and later), whatever the version
 * is: requests that concern replicas become scripts with the answer, everything else passes. Notes what each connection sent.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface ReplicaDouble {
  readonly url: string;
  /** How many replicas acknowledge. */
  replicas: number;
  /** Commands by connection, in the order in which they came: name and arguments, as text. */
  readonly connections: readonly (readonly (readonly string[])[])[];
  /** Ends each connection right before its next `WAITAOF`, once. */
  breakBeforeWait(): void;
  stop(): Promise<void>;
}

export async function startReplicaDouble(port: number): Promise<ReplicaDouble> {
  const connections: string[][][] = [];
  const sockets = new Set<Socket>();
  let breaks = false;
  const double = { replicas: 1, connections, breakBeforeWait: () => void (breaks = true) };

  const answerOf = ([name = '', what = '']: readonly string[]): string | undefined => {
    if (name.toLowerCase() === 'waitaof') return `return {1, ${double.replicas}}`;
    if (name.toLowerCase() !== 'info') return undefined;
    if (what === 'server') return "return 'redis_version:7.2.0\\r\\n'";
    return what === 'replication' ? "return 'role:master\\r\\nconnected_slaves:1\\r\\n'" : undefined;
  };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const commands: string[][] = [];
    connections.push(commands);
    let rest: Buffer = Buffer.alloc(0);
    client.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      for (;;) {
        const read = readCommand(rest);
        if (read === undefined) return;
        const text = read.parts.map((part) => part.toString('latin1'));
        commands.push(text);
        const isWait = text[0]?.toLowerCase() === 'waitaof';
        if (isWait && breaks) {
          breaks = false;
          // What came before is carried out; its answer is lost.
          client.destroy();
          upstream.end();
          return;
        }
        const answer = answerOf(text);
        upstream.write(answer === undefined ? rest.subarray(0, read.end) : encode(['EVAL', answer, '0']));
        rest = rest.subarray(read.end);
      }
    });
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(double, {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}

/** An array of bulk strings, as clients send it; undefined while it is not whole. */
function readCommand(bytes: Buffer): { readonly parts: readonly Buffer[]; readonly end: number } | undefined {
  let at = 0;
  const number = (): number | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const value = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };
  const count = number();
  if (count === undefined) return undefined;
  const parts: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const length = number();
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    parts.push(bytes.subarray(at, at + length));
    at += length + 2;
  }
  return { parts, end: at };
}

const encode = (parts: readonly string[]): string =>
  `*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`;
