/** Commands that change the ledger in Redis: any process may, since every change is a compare and set there. */
import type { OperationAnswer, OperationRequest } from '../../../batches/operations/request.ts';
import { createAlertRaiser } from '../../../batches/pipeline/raise-alert.ts';
import { createOutboxRelay } from '../../../batches/pipeline/outbox-relay.ts';
import { monotonicClock, wallClock } from '../../clock.ts';
import { signerIfAny } from '../../config/keys.ts';
import { createLocalLimiter } from '../../limiter/local.ts';
import { createGatewayStack, startRelay } from '../gateway-stack.ts';
import { sharedOperator } from '../operations.ts';
import type { Desk, OperateParams } from '../profile.ts';
import { createAlertReporter } from '../report-alert.ts';
import { transitionSettings } from '../transition-settings.ts';
import { connect } from './connect.ts';

/** @throws {CommandError} see `connect` */
export async function operateDistributed(params: OperateParams, request: OperationRequest): Promise<OperationAnswer> {
  const desk = await (request.type === 'capture' ? openGatewayDesk(params) : openDistributedDesk(params));
  try {
    return await desk.ask(request);
  } finally {
    await desk.close();
  }
}

/** @throws {CommandError} see `connect` */
export async function openDistributedDesk(params: OperateParams): Promise<Desk> {
  const connected = await connect({ ...params, newLedger: false, allowUnsafeRedis: true });
  const { ledger, clock, sink, ledgerKey, alerts } = connected;
  const publisher = createOutboxRelay({ ledger, sink });
  const publishing = startRelay(publisher, params.stopping);
  const settings = transitionSettings(params.config, ledgerKey);
  const reporter = createAlertReporter({ keys: settings.keys, sink: alerts, clock, logger: params.logger });
  const alert = createAlertRaiser({ ledger, clock, settings, sink: reporter });
  return {
    ledger,
    ask: sharedOperator({ ledger, clock, publisher, settings, alert, follow: null }, ledgerKey),
    close: () => publishing.stop().finally(() => connected.close()),
  };
}

/** For a command that calls the gateway: at its own pace, since it makes a call or two. */
async function openGatewayDesk(params: OperateParams): Promise<Desk> {
  const signer = await signerIfAny(params.config);
  const connected = await connect({ ...params, newLedger: false, allowUnsafeRedis: true });
  const { ledger, ledgerKey } = connected;
  const limiter = createLocalLimiter({ rate: 'unlimited', clock: monotonicClock });
  const leaseMs = params.config.settings.GATEWAY_TIMEOUT_MS;
  const limiters = { dispatch: limiter, follow: limiter };
  const stack = createGatewayStack({ ...params, ...connected, signer, limiters, machine: wallClock, leaseMs });
  return {
    ledger,
    ask: sharedOperator({ ...stack.deps, follow: stack.deps, ledger }, ledgerKey),
    close: () => stack.close().finally(() => connected.close()),
  };
}
