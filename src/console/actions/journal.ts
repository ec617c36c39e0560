/** Every action of the console, one JSON object a line: who, when, from where, what, why, and what became of it. */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const entry = z.object({
  at: z.string(),
  by: z.string(),
  from: z.string(),
  action: z.string(),
  about: z.string(),
  reason: z.string(),
  outcome: z.string(),
  text: z.string(),
});
export type JournalEntry = z.infer<typeof entry>;

export interface Journal {
  write(written: JournalEntry): Promise<void>;
  /** The newest first. */
  newest(count: number): Promise<readonly JournalEntry[]>;
}

export function openJournal(dataDir: string): Journal {
  const file = join(dataDir, 'console-actions.jsonl');
  return {
    write: (written) => appendFile(file, `${JSON.stringify(written)}\n`, { mode: 0o600, flush: true }),
    async newest(count) {
      const text = await readFile(file, 'utf8').catch((cause: unknown) => {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
        throw cause;
      });
      // A line that a full disk has cut is left out.
      const lines = text
        .split('\n')
        .filter((line) => line !== '')
        .slice(-count)
        .reverse();
      return lines.flatMap((line) => {
        try {
          return [entry.parse(JSON.parse(line))];
        } catch {
          return [];
        }
      });
    },
  };
}
