/** What kafkajs logs and warns about, reduced to what a reader needs. */
import { logLevel, type LogEntry } from 'kafkajs';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type Log = (level: LogLevel, message: string) => void;

const levels: Readonly<Record<number, LogLevel>> = {
  // The client retries most of what it calls an error; a final error is thrown, and reported by its caller.
  [logLevel.ERROR]: 'warn',
  [logLevel.WARN]: 'warn',
  [logLevel.INFO]: 'debug',
  [logLevel.DEBUG]: 'debug',
};
/**
 * Part of every start, rebalance and change of a leader, or reported by another line. Only the level of a line depends on
 * its text, since the client's log entries carry no code.
 */
const harmless =
  /coordinator is not available|coordinator not available|not the correct coordinator|coordinator is loading|not aware of this member|group is rebalancing|rebalance is in progress|no leader for this topic-partition|leadership election|not the leader for that topic-partition|needs to have a valid member id|Failed to connect to seed broker|does not host this topic-partition|write after end|Error when calling eachBatch|^Kafka client, Consumer: Crash/i;
/** An outage is logged once a minute, not with every attempt. */
const repeatedAfterMs = 60_000;
const remembered = 200;

/** Writes the client's entries to our logger, at the level that they deserve. */
export function createClientLog(logger: Log): (entry: LogEntry) => void {
  const loggedAt = new Map<string, number>();
  return ({ namespace, level, log }) => {
    const error = typeof log['error'] === 'string' ? `: ${log['error']}` : '';
    const broker = typeof log['broker'] === 'string' ? ` (${log['broker']})` : '';
    const text = `Kafka client${namespace === '' ? '' : `, ${namespace}`}: ${log.message}${error}${broker}`;
    const own = harmless.test(text) ? 'debug' : (levels[level] ?? 'debug');
    const at = Date.parse(log.timestamp);
    const isNew = at - (loggedAt.get(text) ?? -Infinity) >= repeatedAfterMs;
    if (own === 'warn' && isNew) {
      if (loggedAt.size >= remembered) loggedAt.clear();
      loggedAt.set(text, at);
    }
    logger(own === 'warn' && !isNew ? 'debug' : own, text);
  };
}

/** kafkajs passes negative timeouts, about which Node.js 24 warns, and adds many listeners to a socket that it reopens. */
const harmlessWarnings: ReadonlySet<string> = new Set(['TimeoutNegativeWarning', 'MaxListenersExceededWarning']);
let silenced = false;

/** Drops the two warnings of Node.js that kafkajs causes; both are harmless. */
export function silenceClientWarnings(): void {
  if (silenced) return;
  silenced = true;
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  process.emitWarning = (...args: unknown[]): void => {
    const [warning, given] = args;
    const name =
      warning instanceof Error ? warning.name : typeof given === 'string' ? given : (given as { type?: string } | undefined)?.type;
    if (name === undefined || !harmlessWarnings.has(name)) emitWarning(...args);
  };
}
