/**
 * The four topics as an AsyncAPI document, from the code that reads and writes them.
 *
 *   node scripts/asyncapi.ts > docs/asyncapi.yaml
 */
import { stringify } from 'yaml';
import { planTopics, settingsOf, topicNames, type TopicPlan } from '../src/kafka/topic-plan.ts';
import { jsonSchema, schemaVersion, type SchemaName } from '../src/schemas.ts';

const text = (description: string) => ({ type: 'string', description });
const ref = (path: string) => ({ $ref: `#/${path}` });

/** Where a row of a file was, which `run` and the drop folder publish. Other producers must not set them. */
const rowHeaders = {
  type: 'object',
  properties: {
    source_file: text(
      'The name of the file. Set by disburse for rows of a file; other producers must not set source_file, source_line and batch_id.',
    ),
    source_line: text('The line where the row starts, from 1.'),
    batch_id: text("SHA-256 of the file's bytes, hexadecimal."),
    traceparent: text('The trace of the instruction, as in W3C Trace Context. Any producer may set it.'),
  },
};

const deadLetterHeaders = {
  type: 'object',
  required: ['reason', 'message', 'source_topic', 'source_partition', 'source_offset', 'failed_at'],
  properties: {
    reason: text('A code that says why the message could not be processed.'),
    message: text('The same as a sentence.'),
    source_topic: text('Where the message was.'),
    source_partition: text('Its partition.'),
    source_offset: text('Its offset.'),
    failed_at: { type: 'string', format: 'date-time', description: 'When it was found to be one.' },
    truncated: text('Present when the message was too large to be kept whole.'),
  },
};

const keyOf = (description: string) => ({ kafka: { key: text(description), bindingVersion: '0.5.0' } });

/** A schema and its definitions as components: a reference in the document starts at the document's root. */
function componentsOf(name: SchemaName): Readonly<Record<string, unknown>> {
  const { $schema: _schema, $id: _id, definitions, ...rest } = jsonSchema(name, 'draft-7');
  const parts = Object.entries((definitions ?? {}) as Readonly<Record<string, unknown>>);
  const renamed = (id: string): string => `${name}-${id.replaceAll('_', '')}`;
  const text = JSON.stringify({ [name]: rest, ...Object.fromEntries(parts.map(([id, one]) => [renamed(id), one])) });
  const moved = text.replaceAll(/"#\/definitions\/([^"]+)"/g, (_, id: string) => JSON.stringify(`#/components/schemas/${renamed(id)}`));
  return JSON.parse(moved) as Readonly<Record<string, unknown>>;
}

const examples = {
  instruction: {
    record_id: 'inv-7',
    kind: 'payout',
    batch_id: 'may-refunds',
    amount_details: { amount: 1230, currency: 'eur' },
    payment_method: {
      type: 'wallet',
      wallet: { type: 'global', global: { name: 'examplepay', msisdn: '+639171234567', description: 'Refund 7' } },
    },
    metadata: { order: '77' },
  },
  result: {
    event_id: '973a6b64-c46a-5a81-ad84-36548b2931e0',
    sequence: 2,
    record_id: 'inv-7',
    kind: 'payout',
    status: 'succeeded',
    final: true,
    batch_id: 'may-refunds',
    source: { topic: 'payouts.instructions', partition: 0, offset: '12' },
    idempotency_key: '6a718f44-2f2a-5466-b8bb-5fd34a69561e',
    attempt: 1,
    amount_details: { amount: 1230, currency: 'EUR' },
    session_id: 'ps_8f6f3c1fca043308',
    destination: '…4567',
    metadata: { order: '77' },
    occurred_at: '2026-11-21T10:47:24.711Z',
    version: 1,
  },
  alert: {
    event_id: '1f6f3d94-5a3b-5d0e-9d5b-0d7a4f4f3c11',
    version: 1,
    alert: 'evidence_mismatch',
    record_id: 'inv-7',
    batch_id: 'may-refunds',
    session_id: 'ps_8f6f3c1fca043308',
    expected: { amount_details: { amount: 1230, currency: 'EUR' } },
    seen: { amount_details: [{ amount: 1330, currency: 'EUR' }] },
    description: 'The gateway shows 13.30 EUR as paid, and the ledger has 12.30 EUR.',
    occurred_at: '2026-11-21T10:47:24.711Z',
  },
};

const messages = {
  instruction: {
    title: 'Instruction',
    summary: 'One payout or payment to make.',
    headers: rowHeaders,
    payload: ref('components/schemas/instruction'),
    bindings: keyOf('The record id: all messages of a record are then in one partition, in order.'),
    examples: [{ name: 'wallet', payload: examples.instruction }],
  },
  result: {
    title: 'Result',
    summary: 'What became of one instruction. Keep one event of each event_id, and the highest sequence of a record.',
    headers: {
      type: 'object',
      properties: {
        replayed: text('Present when it was published again by `disburse results replay`.'),
        traceparent: text('The trace of the instruction: that of its message, or one that began in disburse. Absent without either.'),
      },
    },
    payload: ref('components/schemas/result'),
    bindings: keyOf('The record id; none where it cannot be read.'),
    examples: [{ name: 'succeeded', payload: examples.result }],
  },
  deadLetter: {
    title: 'Dead letter',
    summary: 'A message that is no instruction with a usable record id: key and value as they came, card numbers sealed.',
    contentType: 'application/octet-stream',
    headers: deadLetterHeaders,
    payload: { type: 'string', format: 'binary' },
  },
  alert: {
    title: 'Alert',
    summary: 'A contradiction that a person must look at, once for each record and fact.',
    payload: ref('components/schemas/alert'),
    bindings: keyOf('The record id.'),
    examples: [{ name: 'amount', payload: examples.alert }],
  },
};

const about: Record<keyof ReturnType<typeof topicNames>, { readonly message: keyof typeof messages; readonly description: string }> = {
  instructions: { message: 'instruction', description: 'What is to be paid. A service that can write to this topic can pay.' },
  results: {
    message: 'result',
    description: 'What became of every instruction; its messages never expire, since the ledger is rebuilt from them.',
  },
  deadLetters: {
    message: 'deadLetter',
    description: 'Messages that could not be processed; `disburse dead-letters` lists and redrives them.',
  },
  alerts: { message: 'alert', description: 'Contradictions; `disburse alerts` lists and acknowledges them.' },
};

/** The default of the code, as for a cluster of three brokers. */
const retentionMs = 400 * 24 * 60 * 60 * 1000;
const partitions = 12;

/** AsyncAPI lists few settings by name; the others go under their Kafka names. */
function kafkaBinding(plan: TopicPlan) {
  const settings = settingsOf(plan, 3);
  return {
    partitions: plan.partitions,
    replicas: 3,
    topicConfiguration: {
      'cleanup.policy': [settings['cleanup.policy']],
      'retention.ms': Number(settings['retention.ms']),
      'retention.bytes': Number(settings['retention.bytes']),
    },
    bindingVersion: '0.5.0',
  };
}

function channels() {
  const plans = planTopics({ prefix: '{prefix}', partitions, retentionMs });
  const names = topicNames('{prefix}');
  return Object.fromEntries(
    (Object.keys(about) as readonly (keyof typeof about)[]).map((name) => {
      const plan = plans.find(({ topic }) => topic === names[name]);
      if (plan === undefined) throw new Error(`no plan for ${names[name]}`);
      const { message, description } = about[name];
      return [
        name,
        {
          address: plan.topic,
          description,
          parameters: { prefix: { default: 'payouts', description: 'KAFKA_TOPIC_PREFIX.' } },
          messages: { [message]: ref(`components/messages/${message}`) },
          bindings: { kafka: kafkaBinding(plan) },
        },
      ];
    }),
  );
}

const operation = (action: 'receive' | 'send', channel: keyof typeof about, summary: string) => ({
  action,
  channel: ref(`channels/${channel}`),
  summary,
  messages: [ref(`channels/${channel}/messages/${about[channel].message}`)],
});

/** The whole document. */
export const asyncApi = () => ({
  asyncapi: '3.0.0',
  id: 'urn:disburse',
  info: {
    title: 'disburse',
    version: `${schemaVersion}.0.0`,
    description: 'Pays the payouts and payments of an instructions topic at most once, and publishes every outcome.',
    license: { name: 'MIT' },
  },
  defaultContentType: 'application/json',
  servers: { kafka: { host: 'localhost:9092', protocol: 'kafka', description: 'KAFKA_BROKERS.' } },
  channels: channels(),
  operations: {
    receiveInstruction: operation('receive', 'instructions', 'Reads what is to be paid.'),
    sendInstruction: operation('send', 'instructions', 'Publishes the valid rows of a file (`run`, drop folder).'),
    sendResult: operation('send', 'results', 'Publishes every outcome.'),
    sendDeadLetter: operation('send', 'deadLetters', 'Publishes messages that cannot be processed.'),
    sendAlert: operation('send', 'alerts', 'Publishes what a person must look at.'),
  },
  components: {
    messages,
    schemas: { ...componentsOf('instruction'), ...componentsOf('result'), ...componentsOf('alert') },
  },
});

/** As the file has it. */
export const asyncApiText = (): string => stringify(asyncApi(), { lineWidth: 120, aliasDuplicateObjects: false });

if (import.meta.main) process.stdout.write(asyncApiText());
