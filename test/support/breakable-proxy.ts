/** A connection to a server that can be broken and restored, while the server itself remembers everything. */
import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './free-port.ts';

export interface BreakableProxy {
  readonly url: string;
  /** Ends what is under way and refuses connections. */
  break(): Promise<void>;
  restore(): Promise<void>;
}

export async function startBreakableProxy(target: string): Promise<BreakableProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    return socket;
  };
  let server = createServer();
  // No other process takes it while the connection is broken.
  const own = await freePort();
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server = createServer((socket) => {
        const onward = keep(connect(Number(port), hostname));
        keep(socket).pipe(onward).pipe(socket);
        socket.on('close', () => onward.destroy());
        onward.on('close', () => socket.destroy());
      });
      server.once('error', reject).listen(own, '127.0.0.1', resolve);
    });
  await listen();
  return {
    url: `http://127.0.0.1:${own}`,
    break: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
    restore: listen,
  };
}
