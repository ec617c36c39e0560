import { createKeyDerivation } from '../../batches/record/idempotency-key.ts';
import type { TransitionSettings } from '../../batches/record/resend-rules.ts';
import { keyLifetimeMs, type Config } from '../config/config.ts';

/** What the rules in `batches/record` need to know of the configuration. */
export const transitionSettings = ({ settings }: Config): TransitionSettings => ({
  keys: createKeyDerivation(settings.GATEWAY_PROJECT ?? ''),
  random: Math.random,
  followIntervalMs: settings.FOLLOW_INTERVAL_MS,
  keyLifetimeMs: keyLifetimeMs(settings),
  idempotencyHeader: settings.GATEWAY_IDEMPOTENCY_HEADER,
  timeoutMs: settings.GATEWAY_TIMEOUT_MS,
});
