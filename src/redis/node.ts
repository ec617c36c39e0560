/**
 * One server of Redis: how a connection to it is made, and what its errors say.
 *
 * A command whose connection is lost is rejected at once and never sent again by the library: what it did is unknown,
 * and only its caller knows how to ask. The connection itself comes back by itself, for as long as it takes.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { getCACertificates } from 'node:tls';
import { Redis, type RedisOptions } from 'ioredis';
import { exitCodes } from '../exit.ts';
import { RedisError, type RedisNode } from './port.ts';
import { addressOf } from './urls.ts';

const connectTimeoutMs = 3_000;
/** Far above what a synced write takes; a server that is silent for so long is not going to answer. */
const commandTimeoutMs = 5_000;
const firstPauseMs = 50;
const longestPauseMs = 1_000;

/** A node, and what only the room of the connection may do with it. */
export interface OwnNode extends RedisNode {
  /** Connects for the first time. @throws RedisError when Redis cannot be reached in time, or refuses us */
  connect(waitMs: number): Promise<void>;
  /** Connects in the background: reports when it cannot. */
  connectLater(): void;
  noteReplicas(count: number): void;
  readonly ready: (signal?: AbortSignal) => Promise<void>;
}

export interface NodeParams {
  readonly url: string;
  readonly caFile: string | undefined;
  readonly onWarning: (message: string) => void;
  /** What a lost connection means, as a sentence. */
  readonly whenLost?: string;
}

export function createNode({ url, caFile, onWarning, whenLost = 'Retrying; dependent work is paused.' }: NodeParams): OwnNode {
  const address = addressOf(url);
  const client = new Redis(optionsOf(url, caFile));
  const follow = followState(client, { address, onWarning, whenLost });
  let replicas = 0;
  return {
    client,
    address,
    async connect(waitMs) {
      try {
        await firstReady(client, address, waitMs);
      } catch (cause) {
        client.disconnect();
        throw cause;
      }
      follow();
    },
    connectLater() {
      follow();
      client.connect().catch(() => undefined);
    },
    replicas: () => replicas,
    noteReplicas(count) {
      replicas = count;
    },
    renew: () => client.disconnect(true),
    ready: (signal) => ready(client, signal),
  };
}

function optionsOf(url: string, caFile: string | undefined): Omit<RedisOptions, 'replyMapping'> {
  const { protocol, username, password, hostname, port, pathname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: port === '' ? 6379 : Number(port),
    db: Number(pathname.replace('/', '')),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: { ca: authorities(caFile), ...(isIP(host) === 0 ? { servername: host } : {}) } } : {}),
    // The protocol that every reply here was tried with; RESP3 adds nothing that is used.
    protocol: 2,
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    disconnectTimeout: 200,
    keepAlive: 10_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    retryStrategy: (times) => Math.min(firstPauseMs * 2 ** Math.min(times - 1, 10), longestPauseMs),
  };
}

function authorities(caFile: string | undefined): string[] {
  if (caFile === undefined) return [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  try {
    return [readFileSync(caFile, 'utf8')];
  } catch (cause) {
    throw new RedisError(exitCodes.usage, `the CA file ${caFile} for Redis cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/** Returns a function that starts the reports of losses: until then, a failure of the first connection is an error. */
function followState(
  client: Redis,
  { address, onWarning, whenLost }: { readonly address: string; readonly onWarning: (message: string) => void; readonly whenLost: string },
): () => void {
  let following = false;
  let lost = false;
  let why = '';
  client.on('error', (error: Error) => {
    why = reasonOf(error);
  });
  client.on('close', () => {
    if (!following || lost || client.status === 'end') return;
    lost = true;
    onWarning(`The connection to Redis at ${address} is lost${why === '' ? '' : ` (${why})`}. ${whenLost}`);
  });
  client.on('ready', () => {
    why = '';
    if (!lost) return;
    lost = false;
    onWarning(`Redis at ${address} answers again.`);
  });
  return () => {
    following = true;
  };
}

async function firstReady(client: Redis, address: string, waitMs: number): Promise<void> {
  let last: Error | undefined;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: Error): void => {
    last = error;
    const refusal = refusalOf(error, address);
    if (refusal !== undefined) reject(refusal);
  };
  const timer = setTimeout(() => {
    const why = last === undefined ? 'no answer' : reasonOf(last);
    reject(
      new RedisError(
        exitCodes.stopped,
        `Redis at ${address} cannot be reached (${why}); tried for ${waitMs / 1000} s. Check that it is running, that REDIS_URL points to it, and ${tlsAdvice(address)}, then run again.`,
        { cause: last },
      ),
    );
  }, waitMs);
  // The attempts keep the process alive; where they are given up, nothing is waited for.
  timer.unref();
  client.on('error', onError);
  client.once('ready', resolve);
  // Its rejection only says that the connection was closed; the reason is in the error events.
  client.connect().catch((error: unknown) => (last ??= error as Error));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    client.off('error', onError);
    client.off('ready', resolve);
  }
}

/** A server that expects the other protocol does not answer, or closes the connection. */
const tlsAdvice = (address: string): string =>
  address.startsWith('rediss:') ? 'that this port uses TLS (else redis://)' : 'that this port does not use TLS (else rediss://)';

const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME/;

/** What does not pass by waiting. */
function refusalOf(error: Error, address: string): RedisError | undefined {
  const { message } = error;
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  const refused = (text: string): RedisError => new RedisError(exitCodes.usage, text, { cause: error });
  if (/WRONGPASS|invalid password|invalid username-password/i.test(message)) {
    return refused(`Redis at ${address} refuses the user or the password. Correct them in REDIS_URL.`);
  }
  if (message.includes('NOAUTH'))
    return refused(`Redis at ${address} asks for a password. Add it to REDIS_URL, as redis://user:password@host:port.`);
  if (message.includes('NOPERM'))
    return refused(
      `Redis at ${address} denies its user a permission that disburse needs (${message}). Grant it, or set another user in REDIS_URL.`,
    );
  if (/DB index is out of range|SELECT is not allowed/.test(message)) {
    return refused(`Redis at ${address} has no database with that number (${message}). Correct the number at the end of REDIS_URL.`);
  }
  if (certificateCodes.test(code)) {
    return refused(
      `the certificate of Redis at ${address} is not trusted (${message}). Install its certificate authority on this system, or set REDIS_SSL_CA_FILE.`,
    );
  }
  return undefined;
}

/** Some errors of a connection have no message, only a code. */
const reasonOf = (error: Error): string =>
  error.message === '' ? String((error as NodeJS.ErrnoException).code ?? error.name) : error.message;

function ready(client: Redis, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
  if (client.status === 'ready') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const over = (): void => {
      client.off('ready', onReady);
      client.off('end', onEnd);
      signal?.removeEventListener('abort', onAbort);
    };
    const onReady = (): void => {
      over();
      resolve();
    };
    const onEnd = (): void => {
      over();
      reject(new RedisError(exitCodes.stopped, 'the connection to Redis was closed.'));
    };
    const onAbort = (): void => {
      over();
      reject(signal?.reason as Error);
    };
    client.once('ready', onReady);
    client.once('end', onEnd);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (client.status === 'end') onEnd();
  });
}
