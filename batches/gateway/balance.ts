/** The wallets that payouts draw on, as `wallet/balance` shows them. */
import { z } from 'zod';
import type { GatewayResponse } from './gateway-response.ts';
import { readGatewayError, toMap } from './session.ts';

/** In minor units; the currency in upper case. */
export interface Wallet {
  readonly id: string;
  readonly currency: string;
  readonly amountMinor: bigint;
}

export type BalanceReading =
  | { readonly type: 'balance'; readonly wallets: readonly Wallet[] }
  /** `why` as a clause for people. */
  | { readonly type: 'none'; readonly why: string };

const walletsShown = z.array(
  z.object({
    id: z.union([z.string(), z.number()]),
    amount_details: z.object({ amount: z.int(), currency: z.string().regex(/^[a-z]{3}$/i) }),
  }),
);

export function readBalance(response: GatewayResponse): BalanceReading {
  if (response.type === 'transport') return { type: 'none', why: `${response.code}: ${response.message}` };
  const body = toMap(response.json);
  const error = body?.['status'] === 'error' ? readGatewayError(body['error']) : undefined;
  if (error !== undefined) return { type: 'none', why: `it answered ${error.code}` };
  const wallets = walletsShown.safeParse(body?.['wallets'] ?? toMap(body?.['result'])?.['wallets']);
  if (response.httpStatus >= 300 || body?.['status'] !== 'ok' || !wallets.success)
    return { type: 'none', why: `it answered HTTP ${response.httpStatus} without wallets` };
  return {
    type: 'balance',
    wallets: wallets.data.map(({ id, amount_details: { amount, currency } }) => ({
      id: String(id),
      currency: currency.toUpperCase(),
      amountMinor: BigInt(amount),
    })),
  };
}
