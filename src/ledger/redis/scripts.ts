/** The scripts that run inside Redis, one for each transition. Their headers tell keys, arguments and answers. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly text: string;
  readonly sha: string;
  /** The name of one that is an element of a group: those of one shard that wait together are one call. */
  readonly element?: string;
}

const read = (name: string): string => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');

const ofText = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') });
const script = (...names: string[]): Script => ofText(names.map(read).join('\n'));

/** What a record is admitted and moved by. */
const elements = {
  admitRecord: ['admission', 'admit-record'],
  admitSettled: ['admission', 'admit-settled'],
  admitWithIntent: ['admission', 'admit-with-intent'],
  advance: ['advance'],
  claimSession: ['claim-session'],
  claimPlaces: ['claim-places'],
  published: ['published'],
} as const satisfies Record<string, readonly string[]>;

/** The script of a group of any of them. */
const group = ofText(
  [
    ...['begin', 'totals', 'head', 'packed', 'packed-claims', 'day', 'intent'].map(read),
    'local calls = {}',
    ...Object.entries(elements).map(([name, parts]) => `function calls.${name}(KEYS, ARGV)\n${parts.map(read).join('\n')}\nend`),
    read('group'),
  ].join('\n'),
);

const element = (name: keyof typeof elements): Script => ({ ...group, element: name });

export const scripts = {
  admitRecord: element('admitRecord'),
  admitSettled: element('admitSettled'),
  admitWithIntent: element('admitWithIntent'),
  advance: element('advance'),
  claimSession: element('claimSession'),
  claimPlaces: element('claimPlaces'),
  published: element('published'),
  raiseOffset: script('begin', 'raise-offset'),
  name: script('begin', 'name'),
  openBatch: script('begin', 'unfinished', 'open-batch'),
  changeBatch: script('begin', 'unfinished', 'change-batch'),
  takeOverOutbox: script('begin', 'take-over-outbox'),
  claimDue: script('begin', 'claim-due'),
  countDeadLetter: script('begin', 'count-dead-letter'),
  purgeDetails: script('begin', 'head', 'purge-details'),
  notePurged: script('begin', 'head', 'note-purged'),
  packRecord: script('begin', 'head', 'packed', 'pack-record'),
  packSession: script('begin', 'packed', 'packed-claims', 'pack-session'),
  unpackRecord: script('begin', 'head', 'packed', 'unpack-record'),
  restoreRecord: script('begin', 'totals', 'head', 'packed', 'restore-record'),
  restoreSettled: script('begin', 'totals', 'head', 'restore-settled'),
  importRecord: script('begin', 'totals', 'head', 'packed', 'import-record'),
  importFields: script('begin', 'import-fields'),
  importDuplicate: script('begin', 'import-duplicate'),
  moveAway: script('move-away'),
  setPause: script('begin', 'set-pause'),
  copyPause: script('begin', 'copy-pause'),
  setGate: script('begin', 'set-gate'),
  copyGate: script('begin', 'copy-gate'),
  grantDay: script('begin', 'totals', 'day', 'grant-day'),
  takeGrant: script('begin', 'totals', 'day', 'take-grant'),
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
