/** Whether Kafka answers, and one sentence that says why it does not. */
import type { Clock } from '../../batches/ports/clock.ts';
import { whyOf as causeOf } from '../../producers/kafka/publish-error.ts';
import { CommandError, exitCodes } from '../exit.ts';
import type { CreateKafka } from './client.ts';

const pauseMs = 500;
const longestShown = 300;

const whyOf = (cause: unknown): string =>
  causeOf(cause)
    .replace(/^Connection error: /, '')
    .slice(0, longestShown);

/**
 * Resolves when Kafka answers and accepts our login; tries for at most `withinMs`, since it may still be starting.
 *
 * @throws {CommandError} exit 3 when no broker answers; exit 1 at once when login or TLS are refused
 */
export async function checkKafka(
  createKafka: CreateKafka,
  { clock, withinMs = 10_000 }: { readonly clock: Clock; readonly withinMs?: number },
): Promise<void> {
  const startedAt = clock.now();
  const done = new AbortController();
  const late = { type: 'late' } as const;
  const timeout = clock.sleep(withinMs, done.signal).then(
    () => late,
    () => late,
  );
  let last: unknown = new Error('it does not answer');
  try {
    for (;;) {
      const outcome = await Promise.race([attempt(createKafka), timeout]);
      if (outcome.type === 'reached') return;
      if (outcome.type === 'failed') {
        last = outcome.cause;
        const refusal = refusalOf(last, createKafka);
        if (refusal !== undefined) throw new CommandError(exitCodes.usage, refusal, { cause: last });
        await Promise.race([clock.sleep(pauseMs), timeout]);
      }
      if (outcome.type === 'late' || clock.now() - startedAt >= withinMs) throw unreachable(createKafka, last, withinMs);
    }
  } finally {
    done.abort();
  }
}

type Attempt = { readonly type: 'reached' } | { readonly type: 'failed'; readonly cause: unknown };

async function attempt(createKafka: CreateKafka): Promise<Attempt> {
  const admin = createKafka({ retries: createKafka.brokers.length }).admin();
  try {
    await admin.connect();
    await admin.describeCluster();
    return { type: 'reached' };
  } catch (cause) {
    return { type: 'failed', cause };
  } finally {
    // Closes a client that is no longer used; its errors change nothing.
    void admin.disconnect().catch(() => undefined);
  }
}

function unreachable({ brokers, manner }: CreateKafka, cause: unknown, withinMs: number): CommandError {
  const other = brokersIn(cause).find((broker) => !brokers.includes(broker));
  const where =
    other === undefined
      ? `Kafka at ${brokers.join(', ')} cannot be reached`
      : `Kafka at ${brokers.join(', ')} answers, but it names the broker ${other}, which cannot be reached from here (see advertised.listeners)`;
  const hint = 'check KAFKA_BROKERS, that the broker runs, and whether it requires TLS (KAFKA_SSL) or a login (KAFKA_SASL_MECHANISM)';
  const message = `${where}: ${whyOf(cause)}. Tried for ${Math.round(withinMs / 1000)} s with ${manner}; ${hint}.`;
  return new CommandError(exitCodes.stopped, message, { cause });
}

interface Link {
  readonly name: string;
  readonly message: string;
  readonly code: string;
  readonly type: string;
  readonly broker: string;
}

/** An error and its causes, outermost first. */
function chainOf(error: unknown): Link[] {
  const chain: Link[] = [];
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  for (let at: unknown = error; at instanceof Error && chain.length < 8; at = at.cause) {
    const { code, type, broker } = at as Error & { code?: unknown; type?: unknown; broker?: unknown };
    chain.push({ name: at.name, message: at.message, code: text(code), type: text(type), broker: text(broker) });
  }
  return chain;
}

const brokersIn = (error: unknown): string[] => chainOf(error).flatMap(({ broker }) => (broker === '' ? [] : [broker]));

const tlsCode = /^(?:ERR_(?:TLS|SSL|OSSL)|EPROTO$|CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_|UNABLE_TO_(?:GET|VERIFY)|HOSTNAME_MISMATCH)/;
/** Node.js gives a handshake that the broker cut off no code but ECONNRESET, which has many other causes. */
const cutHandshake = /before secure TLS connection/;

/** An error that no further attempt changes, as one sentence; undefined when Kafka may still be starting. */
function refusalOf(error: unknown, { brokers, manner }: CreateKafka): string | undefined {
  const chain = chainOf(error);
  const at = `Kafka at ${brokersIn(error)[0] ?? brokers.join(', ')}`;
  const why = whyOf(error);
  if (chain.some(({ name, type }) => name === 'KafkaJSSASLAuthenticationError' || type.includes('SASL'))) {
    return `${at} refused the login (${manner}): ${why}. Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`;
  }
  if (chain.some(({ code, message }) => tlsCode.test(code) || cutHandshake.test(message))) {
    return `${at} and disburse cannot agree on TLS (${manner}): ${why}. Check KAFKA_SSL, and that KAFKA_SSL_CA_FILE has the certificate authority of the broker.`;
  }
  return undefined;
}
