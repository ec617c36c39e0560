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

/**
 * Withdrawn codes that still turn up in files: the code that took their place, and how much of the old was one of the new
 * where that was fixed by law. Rates are as in the law, the euro's with six significant digits. Without one, there was no
 * fixed rate, or several.
 */
const successors =
  'ADP>EUR:166.386 AFA>AFN:1000 ANG>XCG:1 AOR>AOA:1000000 ARA>ARS:10000 ATS>EUR:13.7603 AZM>AZN:5000 BEF>EUR:40.3399 BGL>EUR:1955.83 ' +
  'BGN>EUR:1.95583 BOP>BOB:1000000 BRR>BRL:2750 BYB>BYN:10000000 BYR>BYN:10000 CSD>RSD:1 CUC>CUP:1/24 CYP>EUR:0.585274 DEM>EUR:1.95583 ' +
  'ECS>USD:25000 EEK>EUR:15.6466 ESP>EUR:166.386 FIM>EUR:5.94573 FRF>EUR:6.55957 GEK>GEL:1000000 GHC>GHS:10000 GRD>EUR:340.750 GWP>XOF:65 ' +
  'HRD>EUR:7534.50 HRK>EUR:7.53450 IEP>EUR:0.787564 ITL>EUR:1936.27 LTL>EUR:3.45280 LUF>EUR:40.3399 LVL>EUR:0.702804 MGF>MGA:5 ' +
  'MRO>MRU:10 MTL>EUR:0.429300 MXP>MXN:1000 MZM>MZN:1000 NIC>NIO:5000000 NLG>EUR:2.20371 PEI>PEN:1000000 PLZ>PLN:10000 PTE>EUR:200.482 ' +
  'ROL>RON:10000 RUR>RUB:1000 SDD>SDG:100 SIT>EUR:239.640 SKK>EUR:30.1260 SLL>SLE:1000 SRG>SRD:1000 STD>STN:1000 TJR>TJS:1000 TMM>TMT:5000 ' +
  'TRL>TRY:1000000 UAK>UAH:100000 UYP>UYU:1000 VEB>VES:100000000 VEF>VES:100000 XEU>EUR:1 YUM>RSD:1 ZMK>ZMW:1000 ZWD>ZWG ZWL>ZWG:2498.7242 ' +
  'ZWN>ZWG ZWR>ZWG';

/**
 * What took the place of a withdrawn code.
 *
 * @property rate so many units of the old currency are `units` of the new one, as decimal text; undefined where no rate was fixed
 */
export interface Successor {
  readonly code: string;
  readonly rate: string | undefined;
  readonly units: string;
}

const successorByCode: ReadonlyMap<string, Successor> = new Map(
  successors.split(' ').map((text) => {
    const [, old = '', code = '', rate, units = '1'] = /^(...)>(...)(?::([\d.]+)(?:\/(\d+))?)?$/.exec(text) ?? [];
    return [old, { code, rate, units }] as const;
  }),
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

/** Why a code is not in the table. */
export type CurrencyRefusal =
  { readonly why: 'withdrawn'; readonly successor: Successor } | { readonly why: 'not_money' } | { readonly why: 'unknown' };

/** @param code upper case, one that `currencyDecimals` does not know */
export const whyNotCurrency = (code: string): CurrencyRefusal => {
  const successor = successorByCode.get(code);
  if (successor !== undefined) return { why: 'withdrawn', successor };
  return notMoney.has(code) ? { why: 'not_money' } : { why: 'unknown' };
};

/** Names and signs that mean one currency everywhere. A dollar, a pound, a franc or a krone is several. */
const namesOfOne: ReadonlyMap<string, string> = new Map(
  (
    'EURO:EUR EUROS:EUR €:EUR US$:USD USDOLLAR:USD USDOLLARS:USD STERLING:GBP POUNDSTERLING:GBP GBPOUND:GBP YEN:JPY RENMINBI:CNY RMB:CNY YUAN:CNY ' +
    'ZLOTY:PLN ZŁOTY:PLN ZŁ:PLN FORINT:HUF KČ:CZK R$:BRL REAL:BRL BAHT:THB ฿:THB DONG:VND ₫:VND HK$:HKD A$:AUD AU$:AUD C$:CAD CA$:CAD ' +
    'NZ$:NZD ₹:INR ₺:TRY ₽:RUB ₴:UAH ₩:KRW ₪:ILS ₦:NGN ₱:PHP ₸:KZT ₾:GEL NTD:TWD NT$:TWD STG:GBP UKP:GBP'
  )
    .split(' ')
    .map((pair) => [pair.slice(0, -4), pair.slice(-3)] as const),
);

/** The code that somebody meant who wrote the name or the sign of a currency; undefined when it could be several, or none. */
export const currencyMeantBy = (text: string): string | undefined => namesOfOne.get(text.toUpperCase().replace(/[\s.]/g, ''));
