/**
 * A JSON event becomes a draft or a refusal: its shape by zod, its content by the rules that rows meet.
 */
import type { z } from 'zod';
import { amountFault, limitFault } from '../fields/amount-rules.ts';
import { maskedDestination } from '../instruction/body.ts';
import { members, pathOf, slotOf } from '../instruction/members.ts';
import { currencyDecimals } from '../fields/currencies.ts';
import { declaredMethods, find, isKnownPath, normalisedBody, valuesOf } from './values.ts';
import { checkBatchId, refusedUnread, usableRecordId } from './envelope.ts';
import { withNumbers } from '../fields/strict-json.ts';
import { walkEvent } from './limits.ts';
import { paymentSchema, payoutSchema } from './schema.ts';
import { violation, type RuleViolation } from '../fields/rule-violation.ts';
import { createValidationErrors, type ValidationErrors } from '../instruction/validation-errors.ts';
import { checkWord } from '../fields/identifiers.ts';
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
            `Unknown member "${maskName(key)}": ${nearest === undefined ? 'leave it out.' : `did you mean ${nearest}?`}`,
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
      return [[path, violation('wrong_type', `${path} has an unexpected form.`)]];
  }
};

const missing = (path: string): RuleViolation => violation('member_missing', `Every instruction of this kind needs ${path}: fill it in.`);

const amountNotPlain = violation(
  'amount_format',
  `${amountPath} must be a whole number of minor units (cents), written with digits only: no decimals, no exponent.`,
);

const wrongAmount = (amount: number): AmountFault | undefined => {
  if (amount === 0) return 'zero';
  if (amount < 0) return 'negative';
  if (amount > Number(maxAmountMinor)) return 'too_large';
  return Number.isInteger(amount) ? undefined : 'format';
};

const readAmount = (
  event: JsonObject,
  {
    currency,
    limits,
    isPlain,
  }: { readonly currency: string | undefined; readonly limits: ReadingOptions['maxAmount']; readonly isPlain: boolean },
  findings: ValidationErrors,
): bigint | undefined => {
  const amount = find(event, ['amount_details', 'amount']);
  // what is no number at all was told by the schema
  if (typeof amount !== 'number') return undefined;
  const wrong = isPlain ? wrongAmount(amount) : 'format';
  if (wrong !== undefined) {
    const found = wrong === 'format' ? amountNotPlain : amountFault(wrong, String(amount), currency, true);
    findings.value(amountSlot, String(amount), found);
    return undefined;
  }
  const amountMinor = BigInt(amount);
  const above = currency === undefined ? undefined : limitFault(amountMinor, currency, limits);
  if (above !== undefined) findings.value(amountSlot, String(amount), above);
  return currency === undefined ? undefined : amountMinor;
};

const refused = (problems: readonly [Problem, ...Problem[]]): ParseResult => ({
  ok: false,
  refusal: { recordId: undefined, kind: undefined, amountMinor: undefined, currency: undefined, problems },
});

/** An event while it is being read. */
interface Draft {
  readonly event: JsonObject;
  readonly kind: Kind;
  readonly values: ReturnType<typeof valuesOf>;
  readonly declared: number;
  readonly problems: Problem[];
  /** Paths that the schema found broken: what follows from them is not reported again. */
  readonly broken: string[];
  readonly errors: ValidationErrors;
}

function openDraft(event: JsonObject, kind: Kind): Draft {
  const declared = declaredMethods(event);
  const problems: Problem[] = [];
  const nameOf = (slot: number): string => pathOf(slot, kind, declared);
  // No result has a place for what is only odd.
  const errors = createValidationErrors({ add: (problem) => problems.push(problem), warn: () => undefined, columnOf: nameOf, nameOf });
  return { event, kind, values: valuesOf(event, kind), declared, problems, broken: [], errors };
}

/** The errors of a draft without those that follow from a broken path. */
function consequentErrors({ errors, broken, kind, declared }: Draft): ValidationErrors {
  const isBroken = (path: string): boolean => broken.some((known) => path === known || path.startsWith(`${known}.`));
  return {
    ...errors,
    missing: (slot, why) => {
      if (!isBroken(pathOf(slot, kind, declared))) errors.missing(slot, why);
    },
    addRecordError: (found, column) => {
      if (found.code !== 'method_missing' || broken.every((path) => !/^payment_(?:method|details)/.test(path)))
        errors.addRecordError(found, column);
    },
  };
}

function checkShape({ event, kind, broken, errors }: Draft): void {
  const shape = schemas[kind].safeParse({ ...event, kind });
  for (const issue of shape.error?.issues ?? []) {
    for (const [path, found] of issueProblems(issue, event, kind)) {
      broken.push(path);
      const isNumber = path === amountPath && typeof find(event, ['amount_details', 'amount']) === 'number';
      if (path !== 'metadata' && !isNumber) errors.addRecordError(found, maskName(path));
    }
  }
}

/** Reports a kind that is missing or unknown. */
function checkKind({ event, errors }: Draft): void {
  const given = event['kind'];
  if (given === undefined) errors.missing(kindSlot, 'Every event needs');
  else {
    const text = typeof given === 'string' ? given : undefined;
    const found = text === undefined ? undefined : kindRule(text);
    errors.value(kindSlot, text, found ?? violation('kind_unknown', 'Write payout or payment.'));
  }
}

const isOfMetadata = ({ column }: Problem): boolean => column === 'metadata' || column?.startsWith('metadata.') === true;

/** Undefined when it has problems, which are reported. */
function readMetadata({ event, problems, errors }: Draft, recordId: string | undefined): CallerMetadata | undefined {
  const given = event['metadata'];
  if (given !== undefined)
    checkMetadata(given, recordId, (path, found) => errors.addRecordError(found, maskName(path === '' ? 'metadata' : `metadata.${path}`)));
  return problems.some(isOfMetadata) ? undefined : stripReserved(given as CallerMetadata | undefined);
}

function readBatchId({ event, errors }: Draft): { readonly batchId?: string } {
  const given = event['batch_id'];
  if (typeof given !== 'string') return {};
  const fault = checkBatchId(given);
  if (fault === undefined) return { batchId: given };
  errors.addRecordError(fault, 'batch_id');
  return {};
}

/**
 * Reads the JSON of one event: `{"record_id", "kind", "batch_id"?, "metadata"?, …the members of the gateway's body}`.
 *
 * All problems are reported at once, under the codes that rows have; `column` is the dotted path.
 *
 * @param value parsed JSON, of any form
 */
export const readInstructionEvent = (value: unknown, { now, maxAmount }: ReadingOptions): ParseResult => {
  if (!isObject(value))
    return refused([{ code: 'event_not_object', column: null, message: 'An instruction must be a JSON object.', value: null }]);
  const given = value['kind'];
  const stated = given === 'payout' || given === 'payment' ? given : undefined;
  const kind = stated ?? (isObject(value['payment_details']) ? 'payment' : 'payout');
  const bounds = walkEvent(value, (path) => isKnownPath(kind, path));
  if (bounds.stop !== undefined) return { ok: false, refusal: refusedUnread(value, [{ ...bounds.stop, column: null, value: null }]) };
  const event = bounds.oddNumbers.size === 0 ? value : (withNumbers(value) as JsonObject);

  const draft = openDraft(event, kind);
  const { values, declared, errors, problems } = draft;
  for (const { path, fault } of bounds.found) errors.addRecordError(fault, path === '' ? undefined : maskName(path));
  checkShape(draft);
  if (stated === undefined) checkKind(draft);
  if (event['record_id'] === '') errors.missing(recordIdSlot, 'Every event needs');
  checkMembers(values, everySlot, kind, declared, now, consequentErrors(draft));

  const upper = values[currencySlot]?.toUpperCase();
  const currency = upper !== undefined && currencyDecimals(upper) !== undefined ? upper : undefined;
  const amountMinor = readAmount(event, { currency, limits: maxAmount, isPlain: !bounds.oddNumbers.has(amountPath) }, errors);
  const recordId = usableRecordId(values[recordIdSlot]);
  const metadata = readMetadata(draft, recordId);
  const batch = readBatchId(draft);

  const [first, ...others] = problems;
  if (first !== undefined || recordId === undefined || amountMinor === undefined || currency === undefined) {
    const all = [first as Problem, ...others] as const;
    return { ok: false, refusal: { recordId, kind: stated, amountMinor, currency, problems: all, metadata, ...batch } };
  }
  const hasCardNumber = values[cardSlot] !== undefined || bounds.cardElsewhere;
  const destination = maskedDestination(values);
  const body = normalisedBody(event, values);
  return { ok: true, draft: { recordId, kind, amountMinor, currency, body, metadata, destination, hasCardNumber, ...batch } };
};
