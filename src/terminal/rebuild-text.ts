import type { RebuildReport } from '../../batches/pipeline/rebuild-report.ts';
import { grouped } from './format.ts';

/** What a rebuild found, for people. */
export const rebuildText = ({
  results,
  instructions,
  records,
  settled,
  settled_without_result: settledWithoutResult,
  settled_open: settledOpen,
  without_result: withoutResult,
  unread,
  skipped,
  dead_letters: deadLetters,
}: RebuildReport): string =>
  [
    `The ledger was rebuilt from ${grouped(results)} results and ${grouped(instructions)} instructions.`,
    `  records: ${
      Object.entries(records)
        .map(([status, count]) => `${status} ${grouped(count)}`)
        .join(', ') || 'none'
    }`,
    `  ended without a record of their own: ${grouped(settled)}; dead letters: ${grouped(deadLetters)}`,
    withoutResult === 0
      ? '  every instruction has a result'
      : `  ${grouped(withoutResult)} instructions had no result: they may have been sent, so they are now unknown and are never sent as new`,
    ...(settledWithoutResult === 0 ? [] : [`  ${grouped(settledWithoutResult)} occurrences had lost their result: it is published again`]),
    ...(settledOpen === 0
      ? []
      : [
          `  ${grouped(settledOpen)} occurrences may have been sent, and another one has their record id: they stay open, so compare them with the gateway`,
        ]),
    ...(unread === 0 ? [] : [`  ${grouped(unread)} instructions were not started by any instance: the instances will process them`]),
    ...(skipped === 0 ? [] : [`  ${grouped(skipped)} messages could not be read and were skipped: see the warnings above`]),
    'The instances can be started again. Everything is paused: nothing is sent until `disburse resume --all`.',
  ].join('\n');
