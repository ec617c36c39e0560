/**
 * Commands that change the stand-alone ledger: by this process when no other one holds it, else by the one that does,
 * through a table of the ledger.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { operationAnswer, type OperationAnswer, type OperationRequest } from '../../../batches/operations/request.ts';
import { systemClock } from '../../clock.ts';
import { CommandError, exitCodes } from '../../exit.ts';
import { LedgerHeldError } from '../../ledger/errors.ts';
import { findLedgerFiles } from '../../ledger/data-dir.ts';
import { whyNothingToRead } from '../../ledger/may-pay.ts';
import { ask, type Asking } from '../../ledger/sqlite/ask.ts';
import type { Desk } from '../profile.ts';
import type { StandaloneProfile } from './profile.ts';

type Operator = Pick<StandaloneProfile, 'operate' | 'answerCommands' | 'close' | 'ledger'>;

const lookEveryMs = 25;
const tryEveryMs = 500;
/** The process that holds the ledger looks several times a second. */
const patienceMs = 30_000;

/** @param open opens the ledger for this process; throws LedgerHeldError when another one has it */
export async function operateStandalone(dir: string, request: OperationRequest, open: () => Promise<Operator>): Promise<OperationAnswer> {
  const missing = whyNothingToRead(findLedgerFiles(dir));
  if (missing !== null) throw missing;
  const own = await unlessHeld(open);
  if (own.profile === undefined) return askHolder(dir, request, open, own.held);
  try {
    return await operateHere(own.profile, request);
  } finally {
    await own.profile.close();
  }
}

/** What others asked for before comes first. */
async function operateHere(profile: Operator, request: OperationRequest): Promise<OperationAnswer> {
  await profile.answerCommands();
  return profile.operate(request);
}

async function askHolder(
  dir: string,
  request: OperationRequest,
  open: () => Promise<Operator>,
  held: LedgerHeldError,
): Promise<OperationAnswer> {
  const asking = ask(dir, JSON.stringify(request), systemClock.now());
  if (asking === undefined)
    throw new CommandError(exitCodes.stopped, `${held.message} It is of an older version and takes no commands. Nothing is changed.`);
  try {
    return await answerOf(asking, open, held);
  } finally {
    asking.close();
  }
}

/** @param openReaders what reads the ledger while another process holds it */
export async function openStandaloneDesk(
  dir: string,
  open: () => Promise<Operator>,
  openReaders: () => Promise<Desk['ledger'] & { close(): Promise<void> }>,
): Promise<Desk> {
  const missing = whyNothingToRead(findLedgerFiles(dir));
  if (missing !== null) throw missing;
  const own = await unlessHeld(open);
  if (own.profile !== undefined) {
    const { profile } = own;
    return { ledger: profile.ledger, ask: (request) => operateHere(profile, request), close: () => profile.close() };
  }
  const readers = await openReaders();
  let taken: Operator | undefined;
  return {
    ledger: readers,
    async ask(request) {
      // The process that held it may have ended meanwhile.
      taken ??= (await unlessHeld(open)).profile;
      return taken === undefined ? askHolder(dir, request, open, own.held) : operateHere(taken, request);
    },
    async close() {
      await readers.close().finally(() => taken?.close());
    },
  };
}

type Opened = { readonly profile: Operator } | { readonly profile: undefined; readonly held: LedgerHeldError };

async function unlessHeld(open: () => Promise<Operator>): Promise<Opened> {
  try {
    return { profile: await open() };
  } catch (cause) {
    if (cause instanceof LedgerHeldError) return { profile: undefined, held: cause };
    throw cause;
  }
}

async function answerOf(asking: Asking, open: () => Promise<Operator>, held: LedgerHeldError): Promise<OperationAnswer> {
  const giveUpAt = performance.now() + patienceMs;
  for (let nextTry = performance.now() + tryEveryMs; ; await sleep(lookEveryMs)) {
    const answer = asking.answer();
    if (answer !== undefined) return operationAnswer.parse(JSON.parse(answer));
    if (performance.now() >= giveUpAt) {
      if (asking.withdraw())
        throw new CommandError(
          exitCodes.stopped,
          `${held.message} It did not answer for ${patienceMs / 1000} s. The command is withdrawn.`,
        );
      continue;
    }
    if (performance.now() < nextTry) continue;
    nextTry = performance.now() + tryEveryMs;
    // The other process may have ended without seeing it.
    const own = await unlessHeld(open);
    try {
      await own.profile?.answerCommands();
    } finally {
      await own.profile?.close();
    }
  }
}
