import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import { createAuditChain } from '../../batches/audit/hash-chain.ts';
import type { ResendSettings, TransitionSettings } from '../../batches/record/resend-rules.ts';
import { keyLifetimeMs, type Config } from '../config/config.ts';

/** What the rules of resends need to know of the configuration. */
export const resendSettings = ({ settings }: Config): ResendSettings => ({
  keys: createKeyDerivation(settings.GATEWAY_PROJECT ?? ''),
  random: Math.random,
  followIntervalMs: settings.FOLLOW_INTERVAL_MS,
  keyLifetimeMs: keyLifetimeMs(settings),
  idempotencyHeader: settings.GATEWAY_IDEMPOTENCY_HEADER,
  timeoutMs: settings.GATEWAY_TIMEOUT_MS,
});

/** What all rules in `batches/record` need. */
export const transitionSettings = (config: Config, ledgerKey: Buffer): TransitionSettings => ({
  ...resendSettings(config),
  audit: createAuditChain(ledgerKey),
});
