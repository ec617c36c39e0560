/** The doors of the distributed profile. */
import { alertsFromTopic, resultsFromTopic } from '../../kafka/results-reader.ts';
import { openRedisReader } from '../../ledger/redis/reader.ts';
import { connectRedis } from '../../redis/connection.ts';
import { redisParams } from '../../config/config.ts';
import { loadSigner } from '../../config/keys.ts';
import { auditChainOf } from '../audit-chain.ts';
import { nameOf } from '../../ledger/redis/errors.ts';
import { warnUnlessLive } from '../move-ledger.ts';
import type { ProfileModule } from '../profile.ts';

export const distributed: ProfileModule = {
  async prepare(params) {
    const { config, logger, role } = params;
    // A process that enqueues a file signs nothing.
    if (role === 'run') return { open: async () => (await import('./enqueuer.ts')).openEnqueuer(params) };
    const signer = await loadSigner(config.settings.GATEWAY_PRIVATE_KEY_FILE ?? '', (message) => logger.warn(message));
    return { open: async () => (await import('./instance.ts')).openInstance({ ...params, signer }) };
  },
  operate: async (params, request) => (await import('./operate.ts')).operateDistributed(params, request),
  openDesk: async (params) => (await import('./operate.ts')).openDistributedDesk(params),
  exportLedger: async (params) => (await import('./move.ts')).exportDistributed(params),
  importLedger: async (params) => (await import('./move.ts')).importDistributed(params),
  async openReader(config, onWarning) {
    const connection = await connectRedis(redisParams(config, onWarning));
    try {
      const ledger = await openRedisReader({ connection, prefix: config.settings.REDIS_PREFIX });
      warnUnlessLive(nameOf({ address: connection.address, prefix: config.settings.REDIS_PREFIX }), ledger.moveState, onWarning);
      return {
        ledger,
        auditChain: async () =>
          auditChainOf(
            nameOf({ address: connection.address, prefix: config.settings.REDIS_PREFIX }),
            await ledger.keyCheck(),
            (await import('./connect.ts')).sharedLedgerKey(config),
          ),
        async close() {
          await ledger.close();
          await connection.close();
        },
      };
    } catch (cause) {
      await connection.close();
      throw cause;
    }
  },
  readEvents: resultsFromTopic,
  readAlerts: alertsFromTopic,
};
