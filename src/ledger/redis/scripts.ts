/** The scripts that run inside Redis, one for each transition. Their headers tell keys, arguments and answers. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly text: string;
  readonly sha: string;
}

const read = (name: string): string => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');

function script(...names: string[]): Script {
  const text = names.map(read).join('\n');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

export const scripts = {
  admitRecord: script('begin', 'totals', 'head', 'admission', 'admit-record'),
  admitSettled: script('begin', 'totals', 'head', 'admission', 'admit-settled'),
  advance: script('begin', 'totals', 'head', 'advance'),
  raiseOffset: script('begin', 'raise-offset'),
  claimSession: script('begin', 'claim-session'),
  claimPlaces: script('begin', 'claim-places'),
  name: script('begin', 'name'),
  openBatch: script('begin', 'unfinished', 'open-batch'),
  changeBatch: script('begin', 'unfinished', 'change-batch'),
  published: script('begin', 'published'),
  takeOverOutbox: script('begin', 'take-over-outbox'),
  claimDue: script('begin', 'claim-due'),
  countDeadLetter: script('begin', 'count-dead-letter'),
  purgeDetails: script('begin', 'head', 'purge-details'),
  restoreRecord: script('begin', 'totals', 'head', 'restore-record'),
  restoreSettled: script('begin', 'totals', 'head', 'restore-settled'),
  importRecord: script('begin', 'totals', 'head', 'import-record'),
  importFields: script('begin', 'import-fields'),
  importDuplicate: script('begin', 'import-duplicate'),
  moveAway: script('move-away'),
  setPause: script('begin', 'set-pause'),
  copyPause: script('begin', 'copy-pause'),
  setState: script('begin', 'set-state'),
  createShard: script('create-shard'),
  migrateFence: script('migrate-fence'),
  migrateSession: script('migrating', 'migrate-session'),
  migrateRecord: script('migrating', 'migrate-record'),
  migratePlaces: script('migrating', 'migrate-places'),
  migrateEnds: script('migrating', 'migrate-ends'),
  migrateBatch: script('migrating', 'unfinished', 'migrate-batch'),
  migrateTally: script('migrating', 'migrate-tally'),
  migrateNote: script('migrating', 'migrate-note'),
} as const satisfies Record<string, Script>;
