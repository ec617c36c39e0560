import type { Config } from '../config/config.ts';
import type { Binding } from '../ledger/errors.ts';

/** What a ledger is bound to. */
export function bindingOf({ settings }: Config): Binding {
  const { GATEWAY_URL: gateway = '', GATEWAY_PROJECT: project = '', GATEWAY_SUBMERCHANT: submerchant } = settings;
  const idempotencyHeader = settings.GATEWAY_IDEMPOTENCY_HEADER;
  return { gateway, project, idempotencyHeader, ...(submerchant === undefined ? {} : { submerchant }) };
}

/** As `config` and `/system` show it; null: not set. */
export function shownBinding({ settings }: Config) {
  return {
    gateway: settings.GATEWAY_URL ?? null,
    project: settings.GATEWAY_PROJECT ?? null,
    submerchant: settings.GATEWAY_SUBMERCHANT ?? null,
    idempotency_header: settings.GATEWAY_IDEMPOTENCY_HEADER,
  };
}
