/** Ports for servers of tests. */
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// Below the range that systems take for outgoing connections, so that no process takes a port while its server is down.
const [lowest, highest] = [20_000, 32_000];
const maxTries = 100;
const given = new Set<number>();

/** A port of 127.0.0.1 that no process listens on, never the same one twice. */
export const freePort = (): Promise<number> => freePortBelow(highest);

/** One like that whose neighbour so far above it is free, too. */
export async function freePortWith(distance: number): Promise<number> {
  for (let tries = 0; tries < maxTries; tries++) {
    const port = await freePortBelow(highest - distance);
    if (await take(port + distance)) return port;
  }
  throw new Error(`no two free ports ${distance} apart between ${lowest} and ${highest} on 127.0.0.1`);
}

async function freePortBelow(end: number): Promise<number> {
  for (let tries = 0; tries < maxTries; tries++) {
    const port = lowest + Math.floor(Math.random() * (end - lowest));
    if (await take(port)) return port;
  }
  throw new Error(`no free port between ${lowest} and ${end} on 127.0.0.1`);
}

async function take(port: number): Promise<boolean> {
  if (given.has(port)) return false;
  given.add(port);
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!free) return false;
  server.close();
  await once(server, 'close');
  return true;
}

/** Whether somebody accepts connections there within the time. */
export async function accepts(host: string, port: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const socket = createConnection({ host, port });
    const open = await new Promise<boolean>((resolve) => {
      socket.setTimeout(Math.max(1, deadline - performance.now()), () => resolve(false));
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return true;
    if (performance.now() >= deadline) return false;
    await sleep(20);
  }
}
