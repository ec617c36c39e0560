/** Login links that are good once, and the sessions that they begin. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Signed } from './signed.ts';

const link = z.strictObject({ name: z.string().min(1).max(200), console: z.string(), once: z.string(), until: z.number() });
const session = z.strictObject({ name: z.string().min(1).max(200), id: z.string(), until: z.number() });

export type Session = z.infer<typeof session>;

/** A link that is not used by then is good for nothing. */
export const linkMs = 2 * 60_000;
export const sessionMs = 12 * 3_600_000;

/** @param consoleId of the process that is to accept it: no other one knows whether it was used */
export const loginToken = (signed: Signed, { name, consoleId, now }: { name: string; consoleId: string; now: number }): string =>
  signed.seal('login', { name, console: consoleId, once: randomUUID(), until: now + linkMs });

export interface Logins {
  /** The session that the token begins, as the value of a cookie; undefined for a token that is used, late or none. */
  begin(token: string): string | undefined;
  find(cookie: string): Session | undefined;
  end(session: Session): void;
}

export function createLogins({ signed, consoleId, now }: { signed: Signed; consoleId: string; now: () => number }): Logins {
  const used = new Map<string, number>();
  const ended = new Map<string, number>();
  const forget = (): void => {
    for (const seen of [used, ended]) for (const [id, until] of seen) if (until < now()) seen.delete(id);
  };
  return {
    begin(token) {
      const read = link.safeParse(signed.open('login', token));
      if (!read.success || read.data.console !== consoleId || read.data.until < now() || used.has(read.data.once)) return undefined;
      forget();
      used.set(read.data.once, read.data.until);
      return signed.seal('session', { name: read.data.name, id: randomUUID(), until: now() + sessionMs } satisfies Session);
    },
    find(cookie) {
      const read = session.safeParse(signed.open('session', cookie));
      return read.success && read.data.until >= now() && !ended.has(read.data.id) ? read.data : undefined;
    },
    end({ id, until }) {
      forget();
      ended.set(id, until);
    },
  };
}
