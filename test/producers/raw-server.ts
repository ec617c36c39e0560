/** Servers on loopback that see every byte and close when a test says so. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

export interface RawServer {
  readonly url: string;
  readonly port: number;
  /** All that was received, over all connections, decrypted under TLS. */
  readonly received: () => string;
  /** Connections made so far. */
  readonly connections: () => number;
  /** Connections that neither side has closed wholly. */
  readonly open: () => number;
  close(): Promise<void>;
}

/** What a connection does. `soFar` is everything it has received; `onTcp` sees what is below TLS. */
export interface Behaviour {
  readonly onTcp?: (socket: Socket) => void;
  readonly onConnection?: (socket: Socket) => void;
  readonly onData?: (socket: Socket, soFar: string) => void;
}

export async function startRawServer(behaviour: Behaviour, tls?: TlsOptions): Promise<RawServer> {
  const sockets = new Set<Socket>();
  let received = '';
  let connections = 0;
  const accept = (socket: Socket): void => {
    let soFar = '';
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    behaviour.onConnection?.(socket);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      soFar += chunk.toString('latin1');
      behaviour.onData?.(socket, soFar);
    });
  };
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
  server.on('tlsClientError', () => undefined);
  server.on('connection', (socket) => behaviour.onTcp?.(socket));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${tls === undefined ? '127.0.0.1' : 'localhost'}:${port}`,
    port,
    received: () => received,
    connections: () => connections,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export const httpAnswer = (body: string | Buffer, { status = 200, headers = '' }: { status?: number; headers?: string } = {}): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} X\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n`, 'latin1'),
    Buffer.from(body as string),
  ]);
