/**
 * The rules of an instruction as a whole: which method it uses, which route applies, what is missing, what must not be
 * there. The same for a CSV row and a JSON event: both are a list of texts by slot when they come here.
 */
import { cardExpired, hasExpired } from '../fields/cards.ts';
import { belongsTo, members, method, slotOf, type MemberName } from './members.ts';
import { isCountryIso3 } from '../fields/countries.ts';
import { violation, type ValueRule } from '../fields/rule-violation.ts';
import type { ValidationErrors } from './validation-errors.ts';
import type { Kind } from './instruction.ts';
import { generalRules } from './member-rules.ts';
import { accountIdentifiers, bankParticipants, routeOfCountry, routes, routeIdentifiedBy, type Route } from './routes.ts';

/** One text for each member, by slot; undefined where the member is absent. */
export type Values = readonly (string | undefined)[];

const slotsOf = (names: readonly MemberName[]): readonly number[] => names.map(slotOf);

const descriptionSlot = slotOf('description');
const countrySlot = slotOf('recipient_country_iso3');
const monthSlot = slotOf('card_expiration_month');
const yearSlot = slotOf('card_expiration_year');

const bitOf: readonly number[] = members.map((member) => member.method ?? 0);

/** Rows of the route table with everything looked up, once. */
interface CompiledRoute {
  readonly route: Route;
  readonly rules: readonly ValueRule[];
  readonly forms: readonly { readonly needs: readonly number[]; readonly distinguishing: readonly number[] }[];
  readonly refused: readonly number[];
}

const compile = (route: Route): CompiledRoute => {
  const needed = new Set(route.forms.flatMap((form) => form.needs));
  const shared = new Set(
    route.forms.length > 1 ? route.forms[0].needs.filter((name) => route.forms.every((form) => form.needs.includes(name))) : [],
  );
  return {
    route,
    rules: generalRules.map((rule, slot) => route.rules[members[slot]?.name as MemberName] ?? rule),
    forms: route.forms.map((form) => ({
      needs: slotsOf(form.needs),
      distinguishing: slotsOf(form.needs.filter((name) => !shared.has(name))),
    })),
    refused: slotsOf(accountIdentifiers.filter((name) => !needed.has(name))),
  };
};

const compiled: ReadonlyMap<Route, CompiledRoute> = new Map(routes.map((route) => [route, compile(route)]));

const participantSlots = slotsOf(bankParticipants);
const accountSlots = slotsOf(accountIdentifiers);

const belongs: { readonly [K in Kind]: readonly boolean[] } = {
  payout: members.map((_, slot) => belongsTo(slot, 'payout')),
  payment: members.map((_, slot) => belongsTo(slot, 'payment')),
};

const methodsOfKind: { readonly [K in Kind]: number } = {
  payout: method.bankAccount | method.wallet | method.card | method.encryptedCard | method.tokenizedCard,
  payment: method.card | method.recurrent,
};

interface Need {
  readonly why: string;
  readonly slots: readonly number[];
}

const need = (why: string, ...names: readonly MemberName[]): Need => ({ why, slots: slotsOf(names) });

const needs: { readonly [K in Kind]: ReadonlyMap<number, Need> } = {
  payout: new Map([
    [method.bankAccount, need('A payout to a bank account needs', 'description', 'recipient_country_iso3')],
    [method.wallet, need('A payout to a wallet needs', 'wallet_name', 'wallet_msisdn', 'description')],
    [method.card, need('A payout to a card needs', 'card_number')],
    [method.encryptedCard, need('A payout to an encrypted card needs', 'card_number_hash')],
    [method.tokenizedCard, need('A payout to a tokenized card needs', 'card_token')],
  ]),
  payment: new Map([
    [
      method.card,
      need(
        'A payment by card needs',
        'card_number',
        'card_expiration_month',
        'card_expiration_year',
        'card_security_code',
        'customer_reference',
      ),
    ],
    [method.recurrent, need('A recurrent payment needs', 'recurrent_token', 'recurrent_initiator', 'customer_reference')],
  ]),
};

const methodHints: { readonly [K in Kind]: string } = {
  payout:
    'fill the columns of a bank account (such as iban), of a wallet (wallet_name, wallet_msisdn) or of a card (card_number, card_number_hash or card_token)',
  payment:
    'fill the columns of a card (card_number, card_expiration_month, …) or of a recurrent payment (recurrent_token, recurrent_initiator)',
};

/** The bits of the methods that are filled. */
export const methodsFilled = (values: Values, slots: readonly number[]): number => {
  let bits = 0;
  for (let index = 0; index < slots.length; index += 1) {
    const slot = slots[index] as number;
    if (values[slot] !== undefined) bits |= bitOf[slot] as number;
  }
  return bits;
};

const requireFields = (values: Values, needed: Need, findings: ValidationErrors): void => {
  for (const slot of needed.slots) if (values[slot] === undefined) findings.missing(slot, needed.why);
};

const checkForms = (values: Values, { route, forms, refused }: CompiledRoute, findings: ValidationErrors): void => {
  const started = forms.filter((form) => form.distinguishing.some((slot) => values[slot] !== undefined));
  const identified = started.filter((form) =>
    form.distinguishing.some((slot) => accountSlots.includes(slot) && values[slot] !== undefined),
  );
  if (forms.length > 1 && identified.length > 1) {
    const names = identified.flatMap((form) => form.distinguishing.filter((slot) => values[slot] !== undefined)).map(findings.nameOf);
    findings.addRecordError(violation('account_ambiguous', `Two accounts are given (${names.join(', ')}): keep the one to pay.`));
  } else if (forms.length > 1 && started.length === 0) {
    const choices = forms.map((form) => form.distinguishing.map(findings.nameOf).join(' and '));
    findings.addRecordError(
      violation('member_missing', `A payout to ${route.label} needs ${choices.join(', or ')}: fill in one of the two.`),
    );
  }
  const form = identified[0] ?? started[0] ?? forms[0];
  const why = `A payout to ${route.label} needs`;
  for (const slot of form?.needs ?? []) {
    const open = forms.length > 1 && started.length === 0 && form?.distinguishing.includes(slot);
    if (values[slot] === undefined && open !== true) findings.missing(slot, why);
  }
  for (const slot of refused) {
    if (values[slot] === undefined) continue;
    findings.value(
      slot,
      values[slot],
      violation('not_for_route', `A payout to ${route.label} takes no ${findings.nameOf(slot)}: leave it empty, or correct the country.`),
    );
  }
};

const checkBank = (values: Values, chosen: CompiledRoute | undefined, findings: ValidationErrors): void => {
  if (chosen === undefined) {
    if (accountSlots.some((slot) => values[slot] !== undefined)) return;
    const names = accountSlots.map(findings.nameOf);
    findings.addRecordError(violation('member_missing', `A payout to a bank account needs an account: fill in ${names.join(' or ')}.`));
    return;
  }
  const why = `A payout to ${chosen.route.label} needs`;
  for (const slot of participantSlots) if (values[slot] === undefined && slot !== countrySlot) findings.missing(slot, why);
  const [only] = chosen.forms;
  // The one way of nearly every row, without an object: one form, everything filled, no other account.
  if (
    chosen.forms.length === 1 &&
    only?.needs.every((slot) => values[slot] !== undefined) &&
    chosen.refused.every((slot) => values[slot] === undefined)
  )
    return;
  checkForms(values, chosen, findings);
};

const chooseRoute = (values: Values): CompiledRoute | undefined => {
  const country = values[countrySlot];
  const known = country === undefined ? undefined : routeOfCountry(country);
  const route = known ?? (country !== undefined && isCountryIso3(country) ? undefined : routeIdentifiedBy(values));
  return route === undefined ? undefined : compiled.get(route);
};

/** Checks each text by itself, where the kind is not known and nothing can be said of the whole. */
export const checkTexts = (values: Values, slots: readonly number[], findings: ValidationErrors): void => {
  for (const slot of slots) {
    const value = values[slot];
    const found = value === undefined ? undefined : (generalRules[slot] as ValueRule)(value);
    if (found !== undefined) findings.value(slot, value, found);
  }
};

/**
 * Checks every member of an instruction and the whole.
 *
 * @param values IBANs and currencies as they were written, IBANs normalised
 * @param slots the slots that may be filled: those of the file's columns, or all
 * @param declared the method that the body itself names (bits); 0 where it follows from what is filled
 * @param now milliseconds since the epoch: cards expire against it
 */
export const checkMembers = (
  values: Values,
  slots: readonly number[],
  kind: Kind,
  declared: number,
  now: number,
  findings: ValidationErrors,
): void => {
  const methods = (methodsFilled(values, slots) | declared) & methodsOfKind[kind];
  const bank = kind === 'payout' && (methods & method.bankAccount) !== 0;
  const chosen = bank ? chooseRoute(values) : undefined;
  const rules = chosen === undefined ? generalRules : chosen.rules;
  const mayStand = belongs[kind];

  for (let index = 0; index < slots.length; index += 1) {
    const slot = slots[index] as number;
    const value = values[slot];
    if (value === undefined) continue;
    if (mayStand[slot] !== true) {
      findings.value(
        slot,
        value,
        violation('not_for_kind', `A ${kind} takes no ${findings.nameOf(slot)}: leave it empty, or correct the kind.`),
      );
      continue;
    }
    const found = (rules[slot] as ValueRule)(value);
    if (found !== undefined) findings.value(slot, value, found);
  }

  if (methods === 0) {
    findings.addRecordError(violation('method_missing', `No payment method given: ${methodHints[kind]}.`));
    return;
  }
  if ((methods & (methods - 1)) !== 0) {
    const names = slots.filter((slot) => values[slot] !== undefined && ((bitOf[slot] as number) & methods) !== 0).map(findings.nameOf);
    findings.addRecordError(
      violation(
        'method_ambiguous',
        `More than one payment method is filled in (${names.join(', ')}): keep one and leave the others empty.`,
      ),
    );
    return;
  }
  const needed = needs[kind].get(methods);
  if (needed !== undefined) requireFields(values, needed, findings);
  if (bank) checkBank(values, chosen, findings);
  else if (values[descriptionSlot] !== undefined && kind === 'payout' && methods !== method.wallet) {
    findings.value(
      descriptionSlot,
      values[descriptionSlot],
      violation('not_for_method', 'A payout to a card takes no description: leave it empty.'),
    );
  }
  if (kind === 'payment' && methods === method.card) checkExpiry(values, now, findings);
};

const checkExpiry = (values: Values, now: number, findings: ValidationErrors): void => {
  const month = values[monthSlot];
  const year = values[yearSlot];
  if (month === undefined || year === undefined) return;
  if ((generalRules[monthSlot] as ValueRule)(month) !== undefined || (generalRules[yearSlot] as ValueRule)(year) !== undefined) return;
  if (hasExpired(month, year, now)) findings.value(yearSlot, undefined, cardExpired);
};
