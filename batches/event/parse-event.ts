/**
 * A JSON event becomes a draft or a refusal: its shape by zod, its content by the rules that rows meet.
 */
import type { z } from 'zod';
import { amountFault, limitFault } from '../fields/amount-rules.ts';
import { maskedDestination } from '../instruction/body.ts';
import { cardNumberMisplaced, carriesCardNumber } from '../fields/cards.ts';
import { members, pathOf, slotOf } from '../instruction/members.ts';
import { currencyDecimals } from '../fields/currencies.ts';
import { declaredMethods, find, isKnownPath, normalisedBody, valuesOf } from './values.ts';
import { walkEvent } from './limits.ts';
import { paymentSchema, payoutSchema } from './schema.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import { createValidationErrors, type ValidationErrors } from '../instruction/validation-errors.ts';
import { checkRecordId, checkWord } from '../fields/identifiers.ts';
import { kinds, type CallerMetadata, type JsonObject, type Kind, type Problem, type ParseResult } from '../instruction/instruction.ts';
import { maskName } from '../instruction/masks.ts';
import { stripReserved, checkMetadata, isObject } from '../instruction/metadata.ts';
import { maxAmountMinor, type AmountFault } from '../fields/money.ts';
import { suggestName } from '../fields/suggest-name.ts';
import type { ReadingOptions } from '../instruction/reading-options.ts';
import { checkMembers } from '../instruction/validation.ts';

const recordIdSlot = slotOf('record_id');
const kindSlot = slotOf('kind');
const amountSlot = slotOf('amount_minor');
const currencySlot = slotOf('currency');
const cardSlot = slotOf('card_number');

const amountPath = 'amount_details.amount';
const everySlot = members.map((_, slot) => slot).filter((slot) => slot !== amountSlot && slot !== slotOf('amount'));
const schemas = { payout: payoutSchema, payment: paymentSchema };
const kindRule = checkWord('kind_unknown', kinds);

const types: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

const issueProblems = (issue: z.core.$ZodIssue, event: JsonObject, kind: Kind): (readonly [path: string, found: RuleViolation])[] => {
  const keys = issue.path.map(String);
  const path = keys.join('.');
  const value = find(event, keys);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const other = kind === 'payout' ? 'payment' : 'payout';
        if (Object.hasOwn(schemas[other].shape, key))
          return [key, violation('not_for_kind', `A ${kind} takes no ${key}: leave it out, or correct the kind.`)];
        const nearest = suggestName(key, Object.keys(schemas[kind].shape));
        return [
          key,
          violation(
            'unknown_member',
            `The member "${maskName(key)}" is not known: ${nearest === undefined ? 'leave it out.' : `did you mean ${nearest}?`}`,
          ),
        ];
      });
    case 'invalid_value':
      return [
        [
          path,
          value === undefined
            ? missing(path)
            : violation('method_unknown', `Write ${issue.values.map(String).join(' or ')}: other types are not supported.`),
        ],
      ];
    case 'too_small':
      return [[path, violation('empty_value', `${path} is empty: fill it in or leave it out.`)]];
    case 'invalid_type':
      return [
        [
          path,
          value === undefined ? missing(path) : violation('wrong_type', `${path} must be ${types[issue.expected] ?? issue.expected}.`),
        ],
      ];
    default:
      return [[path, violation('wrong_type', `${path} has a form that is not expected here.`)]];
  }
};

const missing = (path: string): RuleViolation => violation('member_missing', `Every instruction of this kind needs ${path}: fill it in.`);

const wrongAmount = (amount: number): AmountFault | 'negative' | undefined => {
  if (amount === 0) return 'zero';
  if (amount < 0) return 'negative';
  if (amount > Number(maxAmountMinor)) return 'too_large';
  return Number.isInteger(amount) ? undefined : 'format';
};

const readAmount = (
  event: JsonObject,
  currency: string | undefined,
  limits: ReadingOptions['maxAmount'],
  findings: ValidationErrors,
): bigint | undefined => {
  const amount = find(event, ['amount_details', 'amount']);
  // what is no number at all was told by the schema
  if (typeof amount !== 'number') return undefined;
  const wrong = wrongAmount(amount);
  if (wrong !== undefined) {
    findings.value(amountSlot, String(amount), amountFault(wrong === 'negative' ? 'format' : wrong, String(amount), currency, true));
    return undefined;
  }
  const amountMinor = BigInt(amount);
  const above = currency === undefined ? undefined : limitFault(amountMinor, currency, limits);
  if (above !== undefined) findings.value(amountSlot, String(amount), above);
  return currency === undefined ? undefined : amountMinor;
};

const checkBatchId = (batchId: string): RuleViolation | undefined => {
  if (checkRecordId(batchId) !== undefined)
    return violation('batch_id_format', 'A batch id has 1 to 64 characters of A-Z a-z 0-9 . _ : - and no others.');
  if (/^[0-9a-f]{64}$/i.test(batchId))
    return violation('batch_id_reserved', 'A batch id of 64 hexadecimal digits is kept for files: choose another one.');
  return carriesCardNumber(batchId) ? cardNumberMisplaced : undefined;
};

const refused = (problems: readonly [Problem, ...Problem[]]): ParseResult => ({
  ok: false,
  refusal: { recordId: undefined, kind: undefined, amountMinor: undefined, currency: undefined, problems },
});

/**
 * Reads the JSON of one event: `{"record_id", "kind", "batch_id"?, "metadata"?, …the members of the gateway's body}`.
 *
 * All problems are told at once, under the codes that rows have; `column` is the dotted path.
 *
 * @param value parsed JSON, of any form
 */
export const readInstructionEvent = (value: unknown, { now, maxAmount }: ReadingOptions): ParseResult => {
  if (!isObject(value))
    return refused([{ code: 'event_not_object', column: null, message: 'An instruction is one JSON object.', value: null }]);
  const event = value;
  const kindGiven = event['kind'];
  const told = kindGiven === 'payout' || kindGiven === 'payment' ? kindGiven : undefined;
  const kind = told ?? (isObject(event['payment_details']) ? 'payment' : 'payout');

  const bounds = walkEvent(event, (path) => isKnownPath(kind, path));
  if (bounds.stop !== undefined) return refused([{ ...bounds.stop, column: null, value: null }]);

  const values = valuesOf(event, kind);
  const declared = declaredMethods(event);
  const problems: Problem[] = [];
  const broken: string[] = [];
  const isBroken = (path: string): boolean => broken.some((known) => path === known || path.startsWith(`${known}.`));
  const nameOf = (slot: number): string => pathOf(slot, kind, declared);
  const plain = createValidationErrors((problem) => problems.push(problem), nameOf, nameOf);
  const findings: ValidationErrors = {
    ...plain,
    missing: (slot, why) => {
      if (!isBroken(nameOf(slot))) plain.missing(slot, why);
    },
    addRecordError: (found, column) => {
      if (found.code !== 'method_missing' || broken.every((path) => !/^payment_(?:method|details)/.test(path)))
        plain.addRecordError(found, column);
    },
  };

  for (const { path, fault: found } of bounds.found) plain.addRecordError(found, path === '' ? undefined : maskName(path));
  const shape = schemas[kind].safeParse({ ...event, kind });
  for (const issue of shape.error?.issues ?? []) {
    for (const [path, found] of issueProblems(issue, event, kind)) {
      broken.push(path);
      const isNumber = path === amountPath && typeof find(event, ['amount_details', 'amount']) === 'number';
      if (path !== 'metadata' && !isNumber) plain.addRecordError(found, maskName(path));
    }
  }
  if (told === undefined) {
    if (kindGiven === undefined) plain.missing(kindSlot, 'Every event needs');
    else
      plain.value(
        kindSlot,
        typeof kindGiven === 'string' ? kindGiven : undefined,
        kindRule(String(kindGiven)) ?? violation('kind_unknown', 'Write payout or payment.'),
      );
  }
  if (event['record_id'] === '') plain.missing(recordIdSlot, 'Every event needs');

  checkMembers(values, everySlot, kind, declared, now, findings);

  const upper = values[currencySlot]?.toUpperCase();
  const currency = upper !== undefined && currencyDecimals(upper) !== undefined ? upper : undefined;
  const amountMinor = readAmount(event, currency, maxAmount, plain);

  const recordIdText = values[recordIdSlot];
  const recordId =
    recordIdText !== undefined && checkRecordId(recordIdText) === undefined && !carriesCardNumber(recordIdText) ? recordIdText : undefined;
  const before = problems.length;
  const given = event['metadata'];
  if (given !== undefined)
    checkMetadata(given, recordId, (path, found) => plain.addRecordError(found, maskName(path === '' ? 'metadata' : `metadata.${path}`)));
  const metadata = problems.length === before ? stripReserved(given as CallerMetadata | undefined) : undefined;

  const batchGiven = event['batch_id'];
  const batchFault = typeof batchGiven === 'string' ? checkBatchId(batchGiven) : undefined;
  if (batchFault !== undefined) plain.addRecordError(batchFault, 'batch_id');
  const batch = typeof batchGiven === 'string' && batchFault === undefined ? { batchId: batchGiven } : {};

  const [first, ...others] = problems;
  if (first !== undefined || recordId === undefined || amountMinor === undefined || currency === undefined) {
    return {
      ok: false,
      refusal: { recordId, kind: told, amountMinor, currency, problems: [first as Problem, ...others], metadata, ...batch },
    };
  }
  return {
    ok: true,
    draft: {
      recordId,
      kind,
      amountMinor,
      currency,
      body: normalisedBody(event, values),
      metadata,
      destination: maskedDestination(values),
      hasCardNumber: values[cardSlot] !== undefined || bounds.cardElsewhere,
      ...batch,
    },
  };
};
