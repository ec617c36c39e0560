/**
 * Just enough HTTP/1.1 for a stub that must cost little: keep-alive, bodies with a content-length, one answer after
 * the other on a connection. It shares the machine's cores with what is measured, and node:http would take three
 * times as much of them. It is for loopback and for clients that are known.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';

interface StubRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** By its name in lower case. */
  header(name: string): string | undefined;
  readonly body: string;
}

export interface StubAnswer {
  readonly status: number;
  readonly body: string;
}

/** `hang up`: the connection ends without an answer. */
export type StubReply = StubAnswer | 'hang up';

/** A reply that comes later holds up its own connection only. */
export type Handler = (request: StubRequest) => StubReply | Promise<StubReply>;

const reasons: Readonly<Record<number, string>> = { 200: 'OK', 400: 'Bad Request', 404: 'Not Found', 503: 'Service Unavailable' };
const headEnd = Buffer.from('\r\n\r\n');

const render = ({ status, body }: StubAnswer): string =>
  `HTTP/1.1 ${status} ${reasons[status] ?? 'Status'}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const patterns = new Map<string, RegExp>();

function headerOf(head: string, name: string): string | undefined {
  const pattern = patterns.get(name) ?? new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i');
  patterns.set(name, pattern);
  return pattern.exec(head)?.[1];
}

function serve(socket: Socket, handle: Handler): void {
  let held: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  let answering = false;

  const send = (reply: StubReply): void => void (reply === 'hang up' ? socket.destroy() : socket.write(render(reply)));
  const sendLate = async (reply: Promise<StubReply>): Promise<void> => {
    answering = true;
    const late = await reply;
    answering = false;
    send(late);
    next();
  };
  const next = (): void => {
    while (!answering) {
      const end = held.indexOf(headEnd);
      if (end === -1) return;
      const head = held.toString('latin1', 0, end);
      const bodyStart = end + headEnd.length;
      const bodyEnd = bodyStart + Number(headerOf(head, 'content-length') ?? 0);
      if (held.length < bodyEnd) return;
      const body = held.toString('utf8', bodyStart, bodyEnd);
      held = held.subarray(bodyEnd);
      const [method = '', path = ''] = head.slice(0, head.indexOf('\r\n')).split(' ');
      const reply = handle({ method, path, header: (name) => headerOf(head, name), body });
      if (reply instanceof Promise) void sendLate(reply);
      else send(reply);
    }
  };

  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    next();
  });
  // A peer that is killed resets its connections; that is what the crash table is about.
  socket.on('error', () => socket.destroy());
}

export interface StubServer {
  readonly url: string;
  close(): void;
}

/** Listens on a free port of 127.0.0.1. */
export async function startStubServer(handle: Handler): Promise<StubServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, handle);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
