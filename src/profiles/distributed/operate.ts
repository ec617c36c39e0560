/** Commands that change the ledger in Redis: any process may, since every change is a compare and set there. */
import type { OperationAnswer, OperationRequest } from '../../../batches/operations/request.ts';
import { createOutboxRelay } from '../../../batches/pipeline/outbox-relay.ts';
import { startRelay } from '../gateway-stack.ts';
import { sharedOperator } from '../operations.ts';
import type { OperateParams } from '../profile.ts';
import { transitionSettings } from '../transition-settings.ts';
import { connect } from './connect.ts';

/** @throws {CommandError} see `connect` */
export async function operateDistributed(params: OperateParams, request: OperationRequest): Promise<OperationAnswer> {
  const connected = await connect({ ...params, newLedger: false, allowUnsafeRedis: true });
  const { ledger, clock, sink, ledgerKey } = connected;
  const publisher = createOutboxRelay({ ledger, sink });
  const publishing = startRelay(publisher, params.stopping);
  try {
    const settings = transitionSettings(params.config, ledgerKey);
    return await sharedOperator({ ledger, clock, publisher, settings }, ledgerKey)(request);
  } finally {
    await publishing.stop().finally(() => connected.close());
  }
}
