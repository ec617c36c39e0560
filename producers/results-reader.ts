/** Reads a results file or an alerts file, also while it is being written. */
import { open, stat, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertEvent } from '../batches/record/alert-event.ts';
import type { ResultEvent } from '../batches/record/result-event.ts';
import { lastLineEnd, readLines } from './lines.ts';

/**
 * @property follow go on with what is appended, until the signal is aborted
 * @property from `now`: only what is appended from here on
 * @property pollMs how often a followed file is looked at
 * @property onWarning called for a file that was truncated
 * @property onSkipped called for a line that is no such event, or of a version that is not known; default: `onWarning`
 * @property onCaughtUp called once with `follow`, at the first end of the file
 */
export interface ReadResultsOptions {
  readonly follow?: boolean;
  readonly from?: 'beginning' | 'now';
  readonly signal?: AbortSignal;
  readonly pollMs?: number;
  readonly onWarning?: (message: string) => void;
  readonly onSkipped?: (message: string) => void;
  readonly onCaughtUp?: () => void;
}

/** Undefined for what is no event, or of a version that is not known. */
type Parse<Event> = (value: unknown) => Event | undefined;

/** The shape is trusted beyond what readers branch on: these lines are our own. */
const resultOf: Parse<ResultEvent> = (given) => {
  const value = given as Partial<ResultEvent> | null;
  // What is missing must not break a reader who trusts the shape: such a line is no event.
  const source = value?.source;
  const whole =
    (value?.version === undefined || value.version === 1) &&
    typeof value?.event_id === 'string' &&
    typeof value.status === 'string' &&
    typeof value.batch_id === 'string' &&
    typeof value.occurred_at === 'string' &&
    typeof source === 'object' &&
    source !== null;
  return whole ? (value as ResultEvent) : undefined;
};

const alertOf: Parse<AlertEvent> = (given) => {
  const value = given as Partial<AlertEvent> | null;
  const whole =
    value?.version === 1 &&
    typeof value.event_id === 'string' &&
    typeof value.alert === 'string' &&
    typeof value.description === 'string' &&
    typeof value.occurred_at === 'string';
  return whole ? (value as AlertEvent) : undefined;
};

function parseWith<Event>(parse: Parse<Event>, text: string): Event | undefined {
  try {
    return parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A result event from its text; undefined for any other text, and one of a version that is not known. */
export const parseResultLine = (text: string): ResultEvent | undefined => parseWith(resultOf, text);

/** An alert from its text; undefined for any other text, and one of a version that is not known. */
export const parseAlert = (text: string): AlertEvent | undefined => parseWith(alertOf, text);

const orAbsent = (cause: NodeJS.ErrnoException): undefined => {
  if (cause.code === 'ENOENT') return undefined;
  throw cause;
};

/**
 * The events of the file in its order. A last line without its newline is not there yet. Without `follow` it ends at
 * the end (a missing file has no events); with it, it ends when the signal is aborted, and outlives truncation,
 * replacement, and a file that does not exist yet.
 */
export const readResults = (path: string, options: ReadResultsOptions = {}): AsyncGenerator<ResultEvent, void, undefined> =>
  readEvents(path, { parse: resultOf, what: 'a result event' }, options);

/** As `readResults`, of a file of alerts. */
export const readAlerts = (path: string, options: ReadResultsOptions = {}): AsyncGenerator<AlertEvent, void, undefined> =>
  readEvents(path, { parse: alertOf, what: 'an alert' }, options);

async function* readEvents<Event>(
  path: string,
  { parse, what }: { readonly parse: Parse<Event>; readonly what: string },
  options: ReadResultsOptions,
): AsyncGenerator<Event, void, undefined> {
  const { follow = false, from = 'beginning', signal, pollMs = 200, onWarning = () => undefined } = options;
  const onSkipped = options.onSkipped ?? onWarning;
  let { onCaughtUp } = options;
  const stopped = (): boolean => signal?.aborted === true;
  let handle: FileHandle | undefined;
  let inode = 0;
  let position = 0;
  let skip = from === 'now';

  try {
    while (!stopped()) {
      const found = await stat(path).catch(orAbsent);
      if (handle === undefined && found !== undefined) {
        handle = await open(path, 'r').catch(orAbsent);
        const opened = await handle?.stat();
        inode = opened?.ino ?? 0;
        position = skip && handle !== undefined && opened !== undefined ? await lastLineEnd(handle, opened.size) : 0;
      }
      // What was not there at the beginning is read from its beginning.
      skip = false;

      // Looked at before reading, so that a replaced file is read to its end first.
      const replaced = handle !== undefined && found?.ino !== inode;
      if (handle !== undefined) {
        if ((await handle.stat()).size < position) {
          onWarning(`${path} was truncated; reading it from its start.`);
          position = 0;
        }
        for await (const line of readLines(handle, position)) {
          position = line.end;
          const event = line.text === undefined ? undefined : parseWith(parse, line.text);
          if (event === undefined)
            onSkipped(`${path}: the line that ends at byte ${line.end} is not ${what} that this version reads; skipped.`);
          else yield event;
          if (stopped()) return;
        }
      }
      if (!follow) return;
      onCaughtUp?.();
      onCaughtUp = undefined;
      if (replaced) {
        await handle?.close();
        handle = undefined;
      } else {
        await sleep(pollMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
      }
    }
  } finally {
    await handle?.close();
  }
}
