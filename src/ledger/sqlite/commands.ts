/** Commands of other processes to the one that holds the ledger: they append, it answers. Requests and answers are JSON. */
import type { DatabaseSync } from 'node:sqlite';

export interface AskedCommand {
  readonly number: number;
  readonly request: string;
}

/** What the process that holds the ledger does. */
export interface Commands {
  /** Unanswered ones, oldest first. */
  pending(limit: number): readonly AskedCommand[];
  /** Part of a group. Answers that are older than a day are forgotten with it. */
  answer(number: number, answer: string, at: number): void;
}

const keptMs = 86_400_000;

export function createCommands(db: DatabaseSync): Commands {
  // In the words of the partial index `command_open`, which is used for them then.
  const select = db.prepare('SELECT number, request FROM command WHERE answer IS NULL ORDER BY number LIMIT ?');
  const update = db.prepare('UPDATE command SET answer = ?, answered_at = ? WHERE number = ? AND answer IS NULL');
  const forget = db.prepare('DELETE FROM command WHERE answered_at < ?');
  return {
    pending: (limit) => select.all(limit) as unknown as AskedCommand[],
    answer(number, answer, at) {
      update.run(answer, at, number);
      forget.run(at - keptMs);
    },
  };
}
