/** Why a record is not surely on its topic, told as what can be done about it. */

/**
 * - `unproven`: no answer came, or not as agreed. The record may be there: publish it again
 * - `closed`: we stopped before it was proven; the same holds
 * - the others are permanent: this record will not be taken as things stand
 */
export type PublishFault = 'unproven' | 'closed' | 'too_large' | 'not_authorised' | 'unknown_topic' | 'unknown_partition' | 'refused';

export class PublishError extends Error {
  override readonly name = 'PublishError';
  readonly code: PublishFault;
  readonly topic: string;
  /** The topic's `max.message.bytes`, with `too_large` and where it could be learnt. */
  readonly maxBytes: number | undefined;

  constructor(code: PublishFault, topic: string, message: string, options: ErrorOptions & { readonly maxBytes?: number | undefined } = {}) {
    super(message, options);
    this.code = code;
    this.topic = topic;
    this.maxBytes = options.maxBytes;
  }

  /** Whether the same record may be taken later. */
  get retriable(): boolean {
    return this.code === 'unproven' || this.code === 'closed';
  }
}

const faults: Readonly<Record<string, PublishFault>> = {
  MESSAGE_TOO_LARGE: 'too_large',
  RECORD_LIST_TOO_LARGE: 'too_large',
  TOPIC_AUTHORIZATION_FAILED: 'not_authorised',
  CLUSTER_AUTHORIZATION_FAILED: 'not_authorised',
  SASL_AUTHENTICATION_FAILED: 'not_authorised',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown_topic',
  INVALID_TOPIC_EXCEPTION: 'unknown_topic',
  INVALID_RECORD: 'refused',
  INVALID_TIMESTAMP: 'refused',
  INVALID_REQUIRED_ACKS: 'refused',
  POLICY_VIOLATION: 'refused',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'refused',
};

/** An error and what caused it, outermost first. */
function chainOf(error: unknown): { readonly name: string; readonly message: string; readonly type: string }[] {
  const chain = [];
  for (let at: unknown = error; at instanceof Error && chain.length < 8; at = at.cause) {
    chain.push({ name: at.name, message: at.message, type: 'type' in at && typeof at.type === 'string' ? at.type : '' });
  }
  return chain;
}

/** The innermost message: what wraps it says only how often it was tried. */
export const whyOf = (error: unknown): string => chainOf(error).at(-1)?.message ?? String(error);

/** What a failed send means. What is not known as permanent may be over in a moment. */
export function publishError(topic: string, error: unknown): PublishError {
  if (error instanceof PublishError) return error;
  const chain = chainOf(error);
  const why = whyOf(error);
  const fault = chain.map(({ type }) => faults[type]).find((found) => found !== undefined);
  if (chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError')) {
    const message = `Kafka refused the login while publishing to ${topic} (${why}): check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.`;
    return new PublishError('not_authorised', topic, message, { cause: error });
  }
  return new PublishError(fault ?? 'unproven', topic, sentence(fault, topic, why), { cause: error });
}

function sentence(fault: PublishFault | undefined, topic: string, why: string): string {
  switch (fault) {
    case 'too_large':
      return tooLarge(topic, undefined, undefined);
    case 'not_authorised':
      return `Kafka does not let this user write to ${topic}: grant it Write and Describe on the topic.`;
    case 'unknown_topic':
      return `Kafka has no topic ${topic}: create it with \`disburse topics\`, or correct KAFKA_TOPIC_PREFIX.`;
    case 'refused':
      return `Kafka refuses this record on ${topic} (${why}): check the topic's settings with \`disburse topics\`.`;
    case undefined:
    case 'unproven':
    case 'closed':
    case 'unknown_partition':
      return `Kafka did not confirm what was published to ${topic}: ${why}.`;
  }
}

/** @param bytes the record's, about */
export const tooLarge = (topic: string, bytes: number | undefined, maxBytes: number | undefined): string =>
  `The topic ${topic} does not accept a record${bytes === undefined ? ' of this size' : ` of about ${bytes} bytes`}: raise its max.message.bytes${
    maxBytes === undefined ? '' : ` (${maxBytes} now)`
  }, such as with kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config max.message.bytes=${Math.max(2 * (bytes ?? 0), 2_097_152)}.`;
