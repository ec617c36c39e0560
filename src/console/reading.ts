/** What pages read: one reader of the ledger, opened when it is first needed and again when it failed. */
import type { CheckResult } from '../service/http/routes.ts';
import type { Config } from '../config/config.ts';
import type { Layer } from '../config/settings-list.ts';
import type { OperationAnswer, OperationRequest } from '../../batches/operations/request.ts';
import { LedgerMissingError } from '../ledger/errors.ts';
import { openLedgerReader } from '../profiles/open-profile.ts';
import type { LedgerReader } from '../profiles/profile.ts';
import { Refusal } from './access/guard.ts';

export interface KeptReader {
  /** @throws {Refusal} while there is no ledger */
  read<Result>(work: (reader: LedgerReader) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

export function keepReader(config: Config, onWarning: (message: string) => void): KeptReader {
  let opening: Promise<LedgerReader> | undefined;
  const open = async (): Promise<LedgerReader> => {
    try {
      return await (opening ??= openLedgerReader(config, onWarning));
    } catch (cause) {
      opening = undefined;
      if (cause instanceof LedgerMissingError)
        throw new Refusal(404, 'no_ledger', 'There is no ledger yet: nothing was paid from this data folder. The first file makes it.');
      throw cause;
    }
  };
  const forget = async (reader: LedgerReader): Promise<void> => {
    opening = undefined;
    await reader.close().catch(() => undefined);
  };
  return {
    async read(work) {
      const reader = await open();
      try {
        return await work(reader);
      } catch (cause) {
        // A ledger that was moved, or a connection that was lost: the next page opens it again.
        if (cause instanceof Error && 'code' in cause && !(cause instanceof Refusal)) await forget(reader);
        throw cause;
      }
    },
    async close() {
      const reader = await opening?.catch(() => undefined);
      if (reader !== undefined) await forget(reader);
    },
  };
}

/**
 * What pages and actions work with.
 *
 * @property pays what becomes of payments here, as a sentence for people
 * @property checks what is asked of the process that pays, by name; empty where that is another process
 */
export interface ConsoleDeps {
  readonly config: Config;
  readonly layers: readonly Layer[];
  readonly reader: KeptReader;
  readonly now: () => number;
  readonly pays: () => string;
  readonly ask: (request: OperationRequest) => Promise<OperationAnswer>;
  readonly checks: () => Promise<Readonly<Record<string, CheckResult>>>;
}
