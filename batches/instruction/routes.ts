/**
 * What each country and method needs: the gateway's route table as data. A new country is a new row.
 * Countries that are not here are paid under the general rules.
 */
import { slotOf, type MemberName } from './members.ts';
import type { ValueRule } from '../fields/rule-violation.ts';
import {
  checkAbaRouting,
  checkBsb,
  checkCpf,
  checkSortCode,
  checkUkAccountNumber,
  checkUsAccountNumber,
  checkWord,
} from '../fields/identifiers.ts';

/**
 * One way to fill a bank account.
 *
 * @property needs members that must be filled, besides those that every documented bank route needs
 */
interface Form {
  readonly needs: readonly MemberName[];
}

/**
 * @property forms alternatives; the first is meant where nothing says which
 * @property rules what a member must look like on this route, in place of its general rule
 */
export interface Route {
  readonly name: string;
  readonly label: string;
  readonly countries: readonly string[];
  readonly forms: readonly [Form, ...Form[]];
  readonly rules: { readonly [M in MemberName]?: ValueRule };
}

/**
 * The geographical scope of SEPA (European Payments Council, EPC409-09, 2025), without the United Kingdom, which has a route
 * of its own; Hungary is in it. Territories that have country codes of their own are listed with the country whose IBANs they
 * use: Åland; those of France; the Crown dependencies and Gibraltar. Azores, Madeira and the Canaries have no codes of their own.
 */
const sepaCountries = (
  'ALA BLM GLP GUF MAF MTQ MYT REU SPM GGY GIB IMN JEY ALB AND AUT BEL BGR CHE CYP CZE DEU DNK ESP EST FIN FRA GRC HRV HUN IRL ISL ITA LIE LTU LUX LVA MCO MDA MKD MLT MNE NLD NOR POL PRT ROU ' +
  'SMR SRB SVK SVN SWE VAT'
).split(' ');

const accountType = (...words: readonly string[]): ValueRule => checkWord('account_type_unknown', words);

export const routes: readonly Route[] = [
  { name: 'sepa', label: 'SEPA', countries: sepaCountries, forms: [{ needs: ['iban'] }], rules: {} },
  { name: 'turkey', label: 'Turkey', countries: ['TUR'], forms: [{ needs: ['iban'] }], rules: {} },
  {
    name: 'usa',
    label: 'the USA',
    countries: ['USA'],
    forms: [{ needs: ['bank_account_number', 'account_type', 'routing_code'] }],
    rules: {
      account_type: accountType('CHECKING', 'SAVINGS'),
      bank_account_number: checkUsAccountNumber,
      routing_code: checkAbaRouting,
    },
  },
  {
    name: 'uk',
    label: 'the United Kingdom',
    countries: ['GBR'],
    forms: [{ needs: ['account_type', 'sort_code', 'account_number'] }, { needs: ['account_type', 'iban', 'swift_bic_code'] }],
    rules: { account_type: accountType('CHECKING'), sort_code: checkSortCode, account_number: checkUkAccountNumber },
  },
  {
    name: 'australia',
    label: 'Australia',
    countries: ['AUS'],
    forms: [{ needs: ['bank_account_number', 'bsb_number'] }],
    rules: { bsb_number: checkBsb },
  },
  {
    name: 'brazil',
    label: 'Brazil',
    countries: ['BRA'],
    forms: [{ needs: ['bank_account_number', 'branch_number', 'account_type', 'recipient_id_number'] }],
    rules: { account_type: accountType('CHECKING', 'SAVINGS', 'DEPOSIT', 'OTHERS'), recipient_id_number: checkCpf },
  },
  { name: 'thailand', label: 'Thailand', countries: ['THA'], forms: [{ needs: ['bank_account_number'] }], rules: {} },
  { name: 'vietnam', label: 'Vietnam', countries: ['VNM'], forms: [{ needs: ['bank_account_number'] }], rules: {} },
  { name: 'hong-kong', label: 'Hong Kong', countries: ['HKG'], forms: [{ needs: ['bank_account_number'] }], rules: {} },
];

const byCountry: ReadonlyMap<string, Route> = new Map(
  routes.flatMap((route) => route.countries.map((country) => [country, route] as const)),
);

/** Members that only one route has: they tell which route is meant while the country is missing or mistyped. */
const identifyingMembers: readonly (readonly [number, Route])[] = (
  [
    ['sort_code', 'uk'],
    ['bsb_number', 'australia'],
    ['branch_number', 'brazil'],
    ['routing_code', 'usa'],
    ['iban', 'sepa'],
  ] as const
).map(([name, route]) => [slotOf(name), routes.find((known) => known.name === route) as Route] as const);

export const routeOfCountry = (country: string): Route | undefined => byCountry.get(country);

/** @param values one text for each member, by slot */
export const routeIdentifiedBy = (values: readonly (string | undefined)[]): Route | undefined =>
  identifyingMembers.find(([slot]) => values[slot] !== undefined)?.[1];

/** What every documented bank route needs of the people in it, besides the description. */
export const bankParticipants: readonly MemberName[] = [
  'recipient_bank_name',
  'recipient_currency',
  'recipient_country_iso3',
  'recipient_first_name',
  'recipient_last_name',
  'sender_company_name',
  'sender_registration_number',
  'sender_country_iso3',
  'sender_code',
];

/** The members that name an account; a route takes those that one of its forms needs, and one row fills one form. */
export const accountIdentifiers: readonly MemberName[] = ['iban', 'bank_account_number', 'account_number'];
