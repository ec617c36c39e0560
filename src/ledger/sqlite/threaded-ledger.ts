/** The ledger on a thread of its own: the caller's thread hands it groups of steps and goes on. */
import { machineMonotonicNow, systemClock } from '../../clock.ts';
import { eachOf } from '../each-of.ts';
import type { LedgerError } from '../errors.ts';
import { claimLedger, type ClaimParams } from './claim.ts';
import type { SqliteLedger } from './ledger.ts';
import type { LedgerLock } from './lock.ts';
import { startThread, type ThreadLink } from './thread-link.ts';
import type { OtherStep, Question } from './thread-messages.ts';
import { admissionText, changeText } from './thread-texts.ts';

export interface ThreadedLedgerParams extends Omit<ClaimParams, 'clock'> {
  readonly onWarning?: (message: string) => void;
  /** The thread has ended before it was closed, and why: what waited is neither written nor not written. */
  readonly onEnd?: (error: LedgerError) => void;
  /** For tests: milliseconds that both clocks of the ledger show, in a `Float64Array` of one. */
  readonly at?: SharedArrayBuffer;
}

/**
 * Opens the ledger for the one process that dispatches. The lock is held until the thread has ended.
 *
 * @throws LedgerError, see `claimLedger`
 */
export function openThreadedLedger(params: ThreadedLedgerParams): Promise<SqliteLedger> {
  const { binding, ledgerKey, at, onWarning, onEnd } = params;
  const shared = at === undefined ? undefined : new Float64Array(at);
  const now = shared === undefined ? undefined : () => shared[0] ?? 0;
  return claimLedger({ ...params, clock: { now: now ?? systemClock.now } }, async ({ file, lock }) => {
    const link = await startThread({ open: { file, binding, ledgerKey, at }, onWarning, onEnd });
    return createLedger(link, lock, now ?? machineMonotonicNow);
  });
}

function createLedger(link: ThreadLink, lock: LedgerLock, monotonicNow: () => number): SqliteLedger {
  const asking =
    (question: Question) =>
    (...parameters: readonly unknown[]): Promise<never> =>
      link.ask(question, parameters) as Promise<never>;
  const step = (name: OtherStep['name'], argument: unknown): Promise<never> =>
    link.step({ type: 'other', name, argument }) as Promise<never>;
  return {
    batch: asking('batch'),
    batches: asking('batches'),
    record: asking('record'),
    due: asking('due'),
    list: asking('list'),
    records: asking('records'),
    countUnsettledDuplicates: asking('countUnsettledDuplicates'),
    outbox: asking('outbox'),
    publishedMark: asking('publishedMark'),
    tallies: asking('tallies'),
    overview: asking('overview'),
    trail: asking('trail'),
    alerted: asking('alerted'),
    pauses: asking('pauses'),
    recount: asking('recount'),
    body: asking('body'),
    recordOfSession: asking('recordOfSession'),
    purgeDetails: asking('purgeDetails'),
    now: () => monotonicNow() + link.ahead(),
    commands: {
      pending: asking('pendingCommands'),
      answer: (number, answer) => step('answerCommand', { number, answer }),
    },
    openBatch: (manifest) => step('openBatch', manifest),
    updateBatch: (change) => step('updateBatch', change),
    setPause: (pause) => step('setPause', pause),
    published: (events) => step('published', events),
    // Text is made in the promise, so that a step that no rule can have decided is rejected by itself.
    admit: (admissions) => eachOf(admissions, async (admission) => link.step(admissionText(admission)) as Promise<never>),
    advance: (changes) => eachOf(changes, async (change) => link.step(changeText(change)) as Promise<never>),
    async close() {
      await link.close();
      lock.release();
    },
  };
}
