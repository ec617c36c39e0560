/** A proxy between a client and a server that loses a reply on demand. */
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';

export interface LossyProxy {
  readonly port: number;
  /** The next reply, or that after so many others, never arrives: the server has done what was asked for, and the connection is cut. */
  loseNextReply(others?: number): void;
  /** How many replies were lost so far. */
  readonly lost: number;
  close(): Promise<void>;
}

export async function startLossyProxy(host: string, port: number): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  /** How many replies there are up to the one that is lost; 0 or less: none is to be lost. */
  let before = 0;
  let lost = 0;
  const server = createServer((client) => {
    const upstream = createConnection({ host, port });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => undefined);
    }
    client.on('data', (request) => upstream.write(request));
    upstream.on('data', (reply) => {
      before -= 1;
      if (before !== 0) {
        client.write(reply);
        return;
      }
      lost += 1;
      client.destroy();
      upstream.destroy();
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    loseNextReply(others = 0) {
      before = others + 1;
    },
    get lost() {
      return lost;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
