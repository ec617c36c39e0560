/** What an action did, shown once on the page that follows it. Kept here, so that no link can put words onto a page. */
import { randomUUID } from 'node:crypto';
import type { ConsoleContext } from './access/guard.ts';
import { note } from './layout.ts';
import type { Markup } from './markup.ts';

export interface Notes {
  /** @returns the path with the number of the note */
  leave(path: string, person: string, kind: 'good' | 'bad', text: string): string;
  take(c: ConsoleContext): readonly Markup[];
}

const mostKept = 1_000;

export function createNotes(): Notes {
  const kept = new Map<string, { readonly person: string; readonly markup: Markup }>();
  return {
    leave(path, person, kind, text) {
      const id = randomUUID();
      kept.set(id, { person, markup: note(kind, text) });
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
      return `${path}${path.includes('?') ? '&' : '?'}note=${id}`;
    },
    take(c) {
      const id = c.req.query('note') ?? '';
      const found = kept.get(id);
      if (found === undefined || found.person !== c.get('person').name) return [];
      kept.delete(id);
      return [found.markup];
    },
  };
}
