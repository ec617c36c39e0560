/**
 * ISO 4217, frozen: which currencies can be paid and how many decimals each has.
 *
 * A table of our own with its date, because the runtime's tables differ from the standard (`Intl` gives HUF no
 * decimals, ISO 4217 gives it two) and change with the runtime: an amount must mean the same on every machine.
 * National and regional currencies only. To renew it: take SIX's list one, change the rows, change the date.
 */

/** Publication date of the list one that this table was taken from. */
export const currencyTableDate = '2026-01-01';

const codesByDecimals: Readonly<Record<number, string>> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF',
  2:
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD ' +
    'EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL ' +
    'MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR ' +
    'SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG',
  3: 'BHD IQD JOD KWD LYD OMR TND',
};

const decimalsByCode: ReadonlyMap<string, number> = new Map(
  Object.entries(codesByDecimals).flatMap(([decimals, codes]) => codes.split(' ').map((code) => [code, Number(decimals)] as const)),
);

/** Codes that ISO 4217 lists and that are not payable: metals, bond units, funds, units of account, test codes. */
const notMoney: ReadonlySet<string> = new Set(
  'BOV CHE CHW CLF COU MXV USN UYI UYW XAD XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX'.split(' '),
);

/** Withdrawn codes that still turn up in files, with the code that took their place. */
const successors: ReadonlyMap<string, string> = new Map(
  (
    'ADP>EUR AFA>AFN ANG>XCG ATS>EUR AZM>AZN BEF>EUR BGL>EUR BGN>EUR BYB>BYN BYR>BYN CSD>RSD CUC>CUP CYP>EUR DEM>EUR EEK>EUR ESP>EUR FIM>EUR ' +
    'FRF>EUR GHC>GHS GRD>EUR HRK>EUR IEP>EUR ITL>EUR LTL>EUR LUF>EUR LVL>EUR MGF>MGA MRO>MRU MTL>EUR MXP>MXN MZM>MZN NLG>EUR PLZ>PLN ' +
    'PTE>EUR ROL>RON RUR>RUB SDD>SDG SIT>EUR SKK>EUR SLL>SLE SRG>SRD STD>STN TMM>TMT TRL>TRY UYP>UYU VEB>VES VEF>VES YUM>RSD ZMK>ZMW ' +
    'ZWD>ZWG ZWL>ZWG ZWR>ZWG'
  )
    .split(' ')
    .map((pair) => [pair.slice(0, 3), pair.slice(4)] as const),
);

/** Every code that can be paid, sorted. */
export const currencyCodes: readonly string[] = [...decimalsByCode.keys()].sort();

/**
 * How many decimals ISO 4217 gives a currency.
 *
 * @param code upper case
 * @returns 0, 2 or 3; undefined for a code that cannot be paid
 */
export const currencyDecimals = (code: string): number | undefined => decimalsByCode.get(code);

/** Why a code is not in the table. `successor` is the code that took its place. */
export type CurrencyRefusal =
  { readonly why: 'withdrawn'; readonly successor: string } | { readonly why: 'not_money' } | { readonly why: 'unknown' };

/** @param code upper case, one that `currencyDecimals` does not know */
export const whyNotCurrency = (code: string): CurrencyRefusal => {
  const successor = successors.get(code);
  if (successor !== undefined) return { why: 'withdrawn', successor };
  return notMoney.has(code) ? { why: 'not_money' } : { why: 'unknown' };
};
