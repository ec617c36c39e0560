import type { Config } from '../config/config.ts';
import type { Binding } from '../ledger/errors.ts';

/** What a ledger is bound to. */
export function bindingOf({ settings }: Config): Binding {
  const { GATEWAY_URL: gateway = '', GATEWAY_PROJECT: project = '', GATEWAY_SUBMERCHANT: submerchant } = settings;
  const idempotencyHeader = settings.GATEWAY_IDEMPOTENCY_HEADER;
  return { gateway, project, idempotencyHeader, ...(submerchant === undefined ? {} : { submerchant }) };
}
