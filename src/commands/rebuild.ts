import { redisParams, serversOf, type Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { kafkaOf } from '../kafka/client.ts';
import { createLogger } from '../logger.ts';
import { sharedLedgerKey } from '../profiles/distributed/connect.ts';
import { assertNoInstance, rebuildIn } from '../profiles/distributed/rebuild.ts';
import { connectRedis } from '../redis/connection.ts';
import { createShutdown } from '../service/shutdown.ts';
import { rebuildText } from '../terminal/rebuild-text.ts';

interface RebuildOptions {
  readonly yes?: boolean;
  readonly allowUnsafeRedis?: boolean;
  readonly json?: boolean;
}

/**
 * Writes the ledger from the topics, after Redis lost data. Until it has ended, no instance pays; after an interruption
 * it starts from the beginning.
 */
export async function rebuild(config: Config, options: RebuildOptions): Promise<ExitCode> {
  serversOf(config, 'disburse rebuild');
  const { settings } = config;
  const { allowUnsafeRedis = false } = options;
  if (options.yes !== true) {
    throw new CommandError(
      exitCodes.usage,
      `rebuild replaces everything in Redis under ${settings.REDIS_PREFIX} with what it reads from the topics ${settings.KAFKA_TOPIC_PREFIX}.results and .instructions. Stop all instances, then run it with --yes.`,
    );
  }
  const logger = createLogger(settings.LOG_LEVEL, { write: (line) => void process.stderr.write(line) });
  const warn = (message: string): void => logger.warn(message);
  const stopping = createShutdown(
    (signal) => process.stderr.write(`${signal}: stopping. Nothing is paid until rebuild has completed.\n`),
    () => process.exit(exitCodes.stopped),
  );
  const ledgerKey = sharedLedgerKey(config);
  const createKafka = kafkaOf(config, (level, message) => logger[level](message));
  await assertNoInstance(config, createKafka);
  const connection = await connectRedis(redisParams(config, warn));
  try {
    const report = await rebuildIn({ config, allowUnsafeRedis, stopping, warn, ledgerKey, createKafka, connection });
    process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : `${rebuildText(report)}\n`);
    return report.skipped + report.settled_open > 0 ? exitCodes.needsAttention : exitCodes.ok;
  } catch (cause) {
    if (!stopping.signal.aborted) throw cause;
    throw new CommandError(exitCodes.stopped, `stopped: ${stopping.why()}. Nothing is paid until rebuild has completed: run it again.`, {
      cause,
    });
  } finally {
    stopping.release();
    await connection.close();
  }
}
