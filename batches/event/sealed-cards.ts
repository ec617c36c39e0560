/**
 * Card data on the instructions topic: sealed member by member, so that a file's instructions can wait on the topic
 * without a card number ever standing there.
 */
import { isNumberLiteral } from '../fields/strict-json.ts';
import type { Json, JsonObject } from '../instruction/instruction.ts';

/** What a sealed member begins with; the rest is base64. */
const prefix = 'sealed:v1:';
/** Where the gateway's body may hold card data; nothing else is ever opened, for what is opened may be told. */
const methods: ReadonlySet<string> = new Set(['payment_method', 'payment_details']);
/** The object there that holds card data, and nothing but card data. */
const cardObject = 'bank_card';

type Change = (text: string) => string;

function changeCards(value: Json, inCard: boolean, change: Change): Json {
  if (typeof value === 'string') return inCard ? change(value) : value;
  if (typeof value !== 'object' || value === null || isNumberLiteral(value)) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((member) => changeCards(member, inCard, change));
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([name, member]) => [name, changeCards(member, inCard || name === cardObject, change)]),
  );
}

const changeMethods = (body: JsonObject, change: Change): JsonObject =>
  Object.fromEntries(Object.entries(body).map(([name, member]) => [name, methods.has(name) ? changeCards(member, false, change) : member]));

/** The body with every text of its card object sealed. */
export const sealCards = (body: JsonObject, close: (bytes: Buffer) => Uint8Array): JsonObject =>
  changeMethods(body, (text) => prefix + Buffer.from(close(Buffer.from(text, 'utf8'))).toString('base64'));

/**
 * The event as it was before `sealCards`. What is not sealed stays as it is.
 *
 * @throws Error when a seal cannot be opened: it was made with another key, or for another record
 */
export const unsealCards = (event: JsonObject, open: (sealed: Buffer) => Uint8Array): JsonObject =>
  changeMethods(event, (text) =>
    text.startsWith(prefix) ? Buffer.from(open(Buffer.from(text.slice(prefix.length), 'base64'))).toString('utf8') : text,
  );
