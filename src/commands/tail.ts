import type { ResultEvent } from '../../batches/record/result-event.ts';
import { formatMinor } from '../../batches/fields/money.ts';
import { statuses } from '../../batches/record/status.ts';
import { readResults } from '../../producers/results-reader.ts';
import { resultsPath } from '../profiles/standalone.ts';
import type { Config } from '../config/config.ts';
import { CommandError, exitCodes, type ExitCode } from '../exit.ts';
import { paintFor, printable, type Paint, type Style } from '../terminal/format.ts';

interface TailOptions {
  readonly follow?: boolean;
  readonly from: string;
  readonly status?: string;
  readonly batch?: string;
  readonly record?: string;
  readonly final?: boolean;
  readonly json?: boolean;
}

/** Shows results as they stand in the results file or on the topic, and with `--follow` as they come, until it is interrupted. */
export async function tail(config: Config, options: TailOptions): Promise<ExitCode> {
  const since = readFrom(options.from);
  if (options.status !== undefined && !(statuses as readonly string[]).includes(options.status)) {
    throw new CommandError(exitCodes.usage, `there is no status ${JSON.stringify(options.status)}; there are ${statuses.join(', ')}.`);
  }
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  // A reader that went away (| head) is no failure.
  process.stdout.on('error', stop);
  try {
    const paint = paintFor(process.stdout, process.env);
    const reading = {
      follow: options.follow === true,
      from: since,
      signal: interrupt.signal,
      onWarning: (message: string) => void process.stderr.write(`disburse: ${message}\n`),
    };
    const events =
      config.servers === null
        ? readResults(resultsPath(config.dataDir), { ...reading, from: since === 'now' ? 'now' : 'beginning' })
        : (await import('../kafka/results-reader.ts')).resultsFromTopic(config, reading);
    for await (const event of events) {
      if (!wanted(event, options, since)) continue;
      const more = process.stdout.write(`${options.json === true ? JSON.stringify(event) : line(event, paint)}\n`);
      if (!more && !interrupt.signal.aborted) {
        await new Promise<void>((resolve) => {
          process.stdout.once('drain', resolve);
          interrupt.signal.addEventListener('abort', () => resolve(), { once: true });
        });
      }
    }
    return exitCodes.ok;
  } catch (cause) {
    // An error after an interrupt comes from the interrupt.
    if (interrupt.signal.aborted) return exitCodes.ok;
    throw cause;
  } finally {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
  }
}

function readFrom(text: string): 'beginning' | 'now' | number {
  if (text === 'beginning' || text === 'now') return text;
  const time = Date.parse(text);
  if (Number.isNaN(time))
    throw new CommandError(
      exitCodes.usage,
      `--from ${JSON.stringify(text)}: expected beginning, now, or a time such as 2026-11-21T08:00:00Z.`,
    );
  return time;
}

const wanted = (event: ResultEvent, options: TailOptions, since: ReturnType<typeof readFrom>): boolean =>
  (options.status === undefined || event.status === options.status) &&
  (options.batch === undefined ||
    event.batch_id === options.batch ||
    (options.batch.length >= 6 && event.batch_id.startsWith(options.batch))) &&
  (options.record === undefined || event.record_id === options.record) &&
  (options.final !== true || event.final) &&
  (typeof since !== 'number' || Date.parse(event.occurred_at) >= since);

const colours: Partial<Record<ResultEvent['status'], Style>> = {
  succeeded: 'green',
  failed: 'red',
  rejected: 'red',
  conflict: 'red',
  cancelled: 'yellow',
  unknown: 'yellow',
};

/** One line a result: time, status, record, money, destination, and why. */
function line(event: ResultEvent, paint: Paint): string {
  const amount =
    event.amount_details === undefined
      ? ''
      : `${formatMinor(BigInt(event.amount_details.amount), event.amount_details.currency)} ${event.amount_details.currency}`;
  const place =
    'file' in event.source
      ? `${event.source.file}:${event.source.line}`
      : `${event.source.topic}/${event.source.partition}:${event.source.offset}`;
  const why = event.error === undefined ? '' : `  ${event.error.code}: ${event.error.description}`;
  const cells = [
    printable(event.occurred_at.slice(0, 19).replace('T', ' ')),
    paint(colours[event.status] ?? 'dim', printable(event.status).padEnd(11)),
    printable(event.record_id ?? '(no id)').padEnd(20),
    printable(amount).padStart(16),
    printable(event.destination ?? '').padEnd(14),
    paint('dim', printable(place)),
  ];
  return `${cells.join('  ')}${printable(why)}`.trimEnd();
}
