/** Decimals of currencies, by ISO 4217: most have two. */

const decimals = new Map<string, number>([
  ...'bif clp djf gnf isk jpy kmf krw pyg rwf ugx uyi vnd vuv xaf xof xpf'.split(' ').map((currency) => [currency, 0] as const),
  ...'bhd iqd jod kwd lyd omr tnd'.split(' ').map((currency) => [currency, 3] as const),
  ['clf', 4],
  ['uyw', 4],
]);

/** `12.34` for 1234 cents. */
export function majorUnits(minor: number | bigint, currency: string): string {
  const places = decimals.get(currency.toLowerCase()) ?? 2;
  const digits = String(minor).padStart(places + 1, '0');
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** 1234n for `12.34`; undefined when the text is no amount of this currency. */
export function minorUnits(text: string, currency: string): bigint | undefined {
  const places = decimals.get(currency.toLowerCase()) ?? 2;
  const [, whole, fraction = ''] = /^(\d{1,15})(?:\.(\d+))?$/.exec(text) ?? [];
  return whole === undefined || fraction.length > places ? undefined : BigInt(whole + fraction.padEnd(places, '0'));
}

/** Currency in lower case -> minor units. */
export type Amounts = ReadonlyMap<string, bigint>;

/**
 * Reads currencies and amounts in major units, such as EUR and 1000.00.
 *
 * @throws Error that names every part that is not an amount
 */
export function readAmounts(parts: Iterable<readonly [string, string]>): Amounts {
  const amounts = new Map<string, bigint>();
  const problems: string[] = [];
  for (const [name, text] of parts) {
    const currency = name.toLowerCase();
    const minor = /^[a-z]{3}$/.test(currency) ? minorUnits(text, currency) : undefined;
    if (minor === undefined) problems.push(`"${name}=${text}": expected a currency and an amount in major units, as in EUR=1000.00`);
    else if (amounts.has(currency)) problems.push(`"${name}" is given twice`);
    else amounts.set(currency, minor);
  }
  if (problems.length > 0) throw new Error(problems.join('; '));
  return amounts;
}

/** Parses `EUR=1000.00,USD=5`. @throws Error as `readAmounts` does */
export const parseBalance = (text: string): Amounts =>
  readAmounts(
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map((part) => {
        const [name = '', ...rest] = part.split('=');
        return [name.trim(), rest.join('=').trim()] as const;
      }),
  );
