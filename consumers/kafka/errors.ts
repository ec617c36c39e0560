/** Why a topic cannot be read, as one sentence for people: what, where, what to do. */

/**
 * - `unreachable`: no broker answers; the only one that may pass by itself
 * - `stalled`: brokers answer and records wait, but none arrives
 * - `lost_position`: the group's position is outside of what the topic has, so records may have gone unread
 * - `failed`: the client gave up for a reason of its own
 */
export type KafkaFault = 'unreachable' | 'not_authenticated' | 'not_authorised' | 'missing_topic' | 'lost_position' | 'stalled' | 'failed';

export class KafkaReadError extends Error {
  override readonly name: string = 'KafkaReadError';
  readonly code: KafkaFault;
  readonly topic: string;

  constructor(code: KafkaFault, topic: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.topic = topic;
  }
}

export class MissingTopicError extends KafkaReadError {
  override readonly name = 'MissingTopicError';

  constructor(topic: string, options?: ErrorOptions) {
    super(
      'missing_topic',
      topic,
      `Kafka has no topic ${topic}: create it with \`disburse topics\`, or correct KAFKA_TOPIC_PREFIX.`,
      options,
    );
  }
}

/** What is being read, and for how long it has been tried. */
export interface Reading {
  readonly topic: string;
  readonly groupId: string;
  /** As configured; without them those that the error names. */
  readonly brokers?: readonly string[] | undefined;
  readonly triedForMs: number;
}

interface Link {
  readonly name: string;
  readonly message: string;
  readonly type: string;
  readonly broker: string;
  readonly retriable: boolean | undefined;
}

/** An error and what caused it, outermost first. */
function chainOf(error: unknown): Link[] {
  const chain: Link[] = [];
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  for (let at: unknown = error; at instanceof Error && chain.length < 8; at = at.cause) {
    const { type, broker, retriable } = at as Error & { type?: unknown; broker?: unknown; retriable?: unknown };
    chain.push({
      name: at.name,
      message: at.message,
      type: text(type),
      broker: text(broker),
      retriable: typeof retriable === 'boolean' ? retriable : undefined,
    });
  }
  return chain;
}

const groupTypes = new Set(['GROUP_AUTHORIZATION_FAILED']);
const topicTypes = new Set(['TOPIC_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED']);
const missingTypes = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'INVALID_TOPIC_EXCEPTION']);
const loginTypes = /^SASL_|_SASL_/;
/** No broker answers, or one answers that does not know the others yet. Some of these the client itself would not try again. */
const connectionNames = new Set([
  'KafkaJSConnectionError',
  'KafkaJSConnectionClosedError',
  'KafkaJSRequestTimeoutError',
  'KafkaJSBrokerNotFound',
  'KafkaJSNoBrokerAvailableError',
  'KafkaJSGroupCoordinatorNotFound',
  'KafkaJSMetadataNotLoaded',
  'KafkaJSTopicMetadataNotLoaded',
  'KafkaJSTimeout',
  'KafkaJSLockTimeout',
]);

/** One of ours as it is; whatever else as what it means for the reading. */
export function readError(error: unknown, reading: Reading): KafkaReadError {
  if (error instanceof KafkaReadError) return error;
  const chain = chainOf(error);
  const { topic, groupId } = reading;
  const why = chain.at(-1)?.message ?? String(error);
  const has = (types: ReadonlySet<string>): boolean => chain.some(({ type }) => types.has(type));
  const options = { cause: error };
  if (chain.some(({ name, type }) => name === 'KafkaJSSASLAuthenticationError' || loginTypes.test(type))) {
    const message = `Kafka at ${addresses(chain, reading)} refused the login (${why}): check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`;
    return new KafkaReadError('not_authenticated', topic, message, options);
  }
  if (has(groupTypes)) {
    const message = `Kafka does not let this user read as group ${groupId}: grant it Read on the group, or choose another group with KAFKA_GROUP.`;
    return new KafkaReadError('not_authorised', topic, message, options);
  }
  if (has(topicTypes)) {
    return new KafkaReadError(
      'not_authorised',
      topic,
      `Kafka does not let this user read ${topic}: grant it Read and Describe on the topic.`,
      options,
    );
  }
  if (has(missingTypes)) return new MissingTopicError(topic, options);
  if (chain.some(({ name }) => connectionNames.has(name)) || chain.at(-1)?.retriable === true) {
    const where = addresses(chain, reading);
    const message = `Kafka at ${where} could not be reached for ${seconds(reading.triedForMs)} to read ${topic}: ${why}. Check KAFKA_BROKERS, the network, and that the brokers are running.`;
    return new KafkaReadError('unreachable', topic, message, options);
  }
  return new KafkaReadError('failed', topic, `Reading ${topic} as group ${groupId} ended: ${why}.`, options);
}

const addresses = (chain: readonly Link[], { brokers }: Reading): string =>
  brokers?.join(', ') ?? chain.find(({ broker }) => broker !== '')?.broker ?? 'KAFKA_BROKERS';

export const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
