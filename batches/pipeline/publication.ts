/** What is to be on the results topic, or in the results file, before a call that moves money leaves. */
import type { Clock } from '../ports/clock.ts';
import type { OutboxEntry, ResultSink } from '../ports/result-sink.ts';
import type { OutboxRelay } from './outbox-relay.ts';

export interface Publication {
  /**
   * Resolves when a result that shows the session is published: true. False when that takes too long, when it failed, or when
   * the run is stopping.
   */
  showsSession(sessionId: string, signal: AbortSignal): Promise<boolean>;
  /** How often a call had to wait, since a result was on its way. */
  readonly waits: () => number;
}

/** Many times what publishing takes. The record of a call that waits longer is looked at again later. */
const withinMs = 5_000;
/** Of a session that was forgotten, or whose result another process published, it is enough that nothing is on its way. */
const maxSessions = 16_384;

/** The sessions that open records have by what was published, the newest ones. */
export class PublishedSessions {
  readonly #ids = new Set<string>();

  has(sessionId: string): boolean {
    return this.#ids.has(sessionId);
  }

  /** The same sink, which notes what it has published. */
  notedBy<Sink extends Pick<ResultSink, 'publish'>>(sink: Sink): Pick<ResultSink, 'publish'> {
    return {
      publish: async (entries) => {
        const published = await sink.publish(entries);
        for (const entry of entries) this.#note(entry);
        return published;
      },
    };
  }

  #note({ json }: OutboxEntry): void {
    if (!json.includes('"final":false') || !json.includes('"session_id"')) return;
    const { session_id: sessionId } = JSON.parse(json) as { readonly session_id?: string };
    if (sessionId === undefined) return;
    this.#ids.delete(sessionId);
    this.#ids.add(sessionId);
    if (this.#ids.size > maxSessions) for (const oldest of this.#ids) return void this.#ids.delete(oldest);
  }
}

/**
 * A session whose result this process published needs no wait. For any other one, the results that this process decided, or
 * took over, are published first: another instance publishes its own. While nothing gets through, only the first call
 * waits, so that status checks of other records go on.
 *
 * @param clock one that is never set
 */
export function createPublication({
  publisher,
  sessions,
  clock,
}: {
  readonly publisher: Pick<OutboxRelay, 'isIdle' | 'published'>;
  readonly sessions: Pick<PublishedSessions, 'has'>;
  readonly clock: Pick<Clock, 'sleep'>;
}): Publication {
  let waits = 0;
  let isHeldUp = false;
  const published = async (): Promise<boolean> => {
    try {
      await publisher.published();
      isHeldUp = false;
      return true;
    } catch {
      return false;
    }
  };
  return {
    waits: () => waits,
    async showsSession(sessionId, signal) {
      if (sessions.has(sessionId) || publisher.isIdle()) return true;
      if (isHeldUp) return false;
      waits += 1;
      const over = new AbortController();
      try {
        return await Promise.race([
          published(),
          clock.sleep(withinMs, AbortSignal.any([signal, over.signal])).then(
            () => {
              isHeldUp = true;
              return false;
            },
            () => false,
          ),
        ]);
      } finally {
        over.abort(new Error('published'));
      }
    },
  };
}
