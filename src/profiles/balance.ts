/** What the gateway's wallets hold, for commands and for what looks before it sends. */
import { readBalance, type BalanceReading } from '../../batches/gateway/balance.ts';
import { createGateway } from '../../producers/gateway.ts';
import { systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { loadSigner } from '../config/keys.ts';

export type AskBalance = () => Promise<BalanceReading>;

/** @throws {CommandError} exit 1 when the signing key cannot be used */
export async function withBalance<Result>({ settings }: Config, work: (ask: AskBalance) => Promise<Result>): Promise<Result> {
  const gateway = createGateway({
    url: settings.GATEWAY_URL ?? '',
    project: settings.GATEWAY_PROJECT ?? '',
    submerchant: settings.GATEWAY_SUBMERCHANT,
    signer: await loadSigner(settings.GATEWAY_PRIVATE_KEY_FILE ?? '', () => undefined),
    idempotencyHeader: settings.GATEWAY_IDEMPOTENCY_HEADER,
    timeoutMs: settings.GATEWAY_TIMEOUT_MS,
    connections: 1,
    clock: systemClock,
  });
  try {
    return await work(async () => readBalance(await gateway.balance()));
  } finally {
    await gateway.close();
  }
}
