/**
 * How a ledger of an older schema becomes one of the present schema: forward only, step by step. A process that was killed
 * between or within two steps leaves a ledger that no process pays from; the next one that may pay continues with it.
 * Several may migrate at once: every step can be repeated, and none changes a ledger that is in use again.
 *
 * 2: sessions and places of files are claimed, the ledger is bound to the idempotency header, unfinished batches, batches
 * with open records and records with details are found without reading all batches. What was sent before has no terms: it is never resent.
 *
 * 3: records have audit trails, and intents obey pauses, which older programs do not. A record without a trail begins it
 * with its next step, so that no record is rewritten.
 *
 * 4: records are packed, and older programs would not find them. Those whose details were purged are noted, to be packed too.
 */
import { evaluateByKey, scanKeys, sendByKey } from '../../redis/by-key.ts';
import type { RedisConnection } from '../../redis/connection.ts';
import { LedgerDataLossError, placeText, type LedgerPlace } from './errors.ts';
import type { KeyNames } from './key-names.ts';
import { schemaVersion } from './schema.ts';
import { scripts, type Script } from './scripts.ts';
import { claimRangeOf } from './sharding.ts';

export interface MigrationParams {
  readonly connection: RedisConnection;
  readonly place: LedgerPlace;
  readonly names: KeyNames;
  readonly idempotencyHeader: string;
  /** Makes ids that were never made before. */
  readonly ids: () => string;
  /** Rejects while programs that know only the former schema work on the ledger. */
  readonly beforeMigration: () => Promise<void>;
  readonly onWarning: (message: string) => void;
}

type Shard = Readonly<Record<string, string>>;

interface Migration extends MigrationParams {
  readonly generation: string;
}

/** From one version to the next. */
interface Target {
  readonly version: number;
  readonly steps: readonly Step[];
}

interface Step {
  readonly name: string;
  run(migration: Migration): Promise<void>;
}

const isOlder = ({ schema }: Shard): boolean => schema !== undefined && Number(schema) < schemaVersion;

export const needsMigration = (found: readonly Shard[]): boolean => found.some((shard) => isOlder(shard) || shard['state'] === 'migrating');

/** The generation under which everything so far was published, also while a migration is under way. */
export const formerGeneration = (shard: Shard | undefined): string => shard?.['migrated_from'] ?? shard?.['generation'] ?? '';

/** The next version. A migration that was interrupted ends first as it began: a program that knows no other may continue it too. */
function targetOf(found: readonly Shard[]): Target {
  const schema = Number(found[0]?.['schema'] ?? 1);
  const version = found[0]?.['state'] === 'migrating' ? schema : schema + 1;
  return { version, steps: stepsTo[version] ?? [] };
}

/**
 * Goes one version on. For a process that may pay, once the binding, the key and the marks of the ledger are found to be right.
 */
export async function migrate(params: MigrationParams, found: readonly Shard[]): Promise<void> {
  const { place, onWarning } = params;
  if (found.every((shard) => shard['state'] !== 'migrating')) await params.beforeMigration();
  const { version, steps } = targetOf(found);
  const generation = await fence(params, found, version);
  if (generation === undefined) return;
  const migration: Migration = { ...params, generation };
  const done = Number(found[0]?.['migrated'] ?? 0);
  for (const [index, step] of steps.entries()) {
    if (index < done) continue;
    onWarning(`${placeText(place)} is migrated to schema version ${version}, step ${index + 1} of ${steps.length}: ${step.name}.`);
    await step.run(migration);
    await note(migration, 0, String(index + 1));
  }
  // The first shard is released last: until then the ledger is known to be unfinished.
  for (const shard of migration.names.shards.toReversed()) await note(migration, shard, 'live');
  onWarning(`${placeText(place)} has schema version ${version} now; older versions of disburse refuse it.`);
}

/** @returns the new generation; undefined when another process has completed the migration meanwhile */
async function fence(params: MigrationParams, found: readonly Shard[], version: number): Promise<string | undefined> {
  const { connection, names, place, ids, idempotencyHeader } = params;
  const former = formerGeneration(found[0]);
  const wanted = found[0]?.['state'] === 'migrating' ? (found[0]['generation'] ?? '') : ids();
  let generation: string | undefined;
  for (const shard of names.shards) {
    const args = [former, generation ?? wanted, String(version), idempotencyHeader];
    const [its = '', state, schema] = (await evaluateByKey(connection, scripts.migrateFence.text, [names.meta(shard)], args)) as string[];
    // Another process has completed this version and goes on to the next one.
    if (Number(schema) > version) return undefined;
    if (shard === 0) {
      if (state !== 'migrating') return undefined;
      generation = its;
    } else if (its !== generation)
      throw new LedgerDataLossError(place, `has lost part of its data (shard ${shard} belongs to another ledger)`);
  }
  return generation;
}

const note = (migration: Migration, shard: number, what: string): Promise<unknown> =>
  evaluate(migration, [{ script: scripts.migrateNote, keys: [migration.names.meta(shard), migration.names.dropped(shard)], args: [what] }]);

interface Evaluation {
  readonly script: Script;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** In one pipeline; the replies are in the order of the scripts. */
async function evaluate({ connection, generation }: Migration, evaluations: readonly Evaluation[]): Promise<readonly string[][]> {
  const commands = evaluations.map(({ script, keys, args }) => ({
    key: keys[0] ?? '',
    command: ['eval', script.text, keys.length, ...keys, generation, ...args] as const,
  }));
  return (await sendByKey(connection, commands)) as string[][];
}

/** One read of each key. */
const readEach = (connection: RedisConnection, command: string, keys: readonly string[]): Promise<unknown[]> =>
  sendByKey(
    connection,
    keys.map((key) => ({ key, command: [command, key] })),
  );

/** A key of the ledger: its shard, and what follows the shard and `what` in its name. */
interface FoundKey {
  readonly key: string;
  readonly shard: number;
  readonly rest: string;
}

const scanCount = 500;

async function* keysOf({ connection, names }: Migration, what: string, pattern = what): AsyncGenerator<readonly FoundKey[]> {
  const from = names.record(0, '').length - 'r:'.length;
  for await (const keys of scanKeys(connection, names.patternOf(pattern), scanCount))
    if (keys.length > 0)
      yield keys.map((key) => ({ key, shard: Number(key.slice(from - 4, from - 2)), rest: key.slice(from + what.length) }));
}

/** Version 1 kept the reason of an open send and why it was not resent in one text. */
const notRepeated = ' It is not repeated: ';
const unknownCode = '4';

interface Moving {
  readonly session?: string;
  readonly confirm?: string;
  readonly cancel?: string;
  readonly reason?: readonly [code: string, description: string];
}

interface Claim {
  readonly sessionId: string;
  readonly recordId: string;
  /** The number of its admission. */
  readonly order: number;
}

const records: Step = {
  name: 'sessions and reasons of records',
  async run(migration) {
    const { connection, names } = migration;
    for await (const keys of keysOf(migration, 'r:')) {
      const texts = (await readEach(
        connection,
        'get',
        keys.map(({ key }) => key),
      )) as (string | null)[];
      const claims: Claim[] = [];
      const changes: Evaluation[] = [];
      for (const [index, { key, shard, rest: recordId }] of keys.entries()) {
        const text = texts[index] ?? null;
        if (text === null) continue;
        const [head = '', second = '{}', third = ''] = text.split('\n');
        const moving = JSON.parse(second) as Moving;
        const order = Number(head.split(' ')[7]);
        for (const sessionId of new Set([moving.session, moving.confirm, moving.cancel]))
          if (sessionId !== undefined) claims.push({ sessionId, recordId, order });
        const reason = head.split(' ')[1] === unknownCode ? shorterReason(moving.reason) : undefined;
        if (reason === undefined) continue;
        const after = `${head}\n${JSON.stringify({ ...moving, reason })}\n${third}`;
        changes.push({ script: scripts.migrateRecord, keys: [names.meta(shard), key], args: [text, after] });
      }
      await evaluate(migration, changes);
      await claimSessions(migration, claims);
    }
  },
};

function shorterReason(reason: Moving['reason']): Moving['reason'] {
  const end = reason?.[1].indexOf(notRepeated) ?? -1;
  return reason === undefined || end < 0 ? undefined : [reason[0], reason[1].slice(0, end)];
}

/** Of records that share a session the oldest one keeps it. */
async function claimSessions(migration: Migration, claims: readonly Claim[]): Promise<void> {
  const claimOf = ({ sessionId, recordId }: Claim, from: string): Evaluation => {
    const shard = migration.names.shardOf(sessionId);
    const keys = [migration.names.meta(shard), migration.names.sessions(shard, sessionId)];
    return { script: scripts.migrateSession, keys, args: [sessionId, recordId, from] };
  };
  const replies = await evaluate(
    migration,
    claims.map((claim) => claimOf(claim, '')),
  );
  for (const [index, claim] of claims.entries()) {
    for (let holder = replies[index]?.[1]; holder !== undefined && holder !== claim.recordId;) {
      if ((await orderOf(migration, holder)) < claim.order) break;
      [, holder] = (await evaluate(migration, [claimOf(claim, holder)]))[0] ?? [];
    }
  }
}

async function orderOf({ connection, names }: Migration, recordId: string): Promise<number> {
  const [text] = (await readEach(connection, 'get', [names.record(names.shardOf(recordId), recordId)])) as (string | null)[];
  const head = text?.split('\n')[0];
  return Number(head?.split(' ')[7] ?? Number.POSITIVE_INFINITY);
}

const places: Step = {
  name: 'places of files',
  async run(migration) {
    const { connection, names } = migration;
    for await (const keys of keysOf(migration, 'p:', 'p:file:')) {
      const positions = (await readEach(
        connection,
        'hkeys',
        keys.map(({ key }) => key),
      )) as string[][];
      const claims = keys.flatMap(({ shard, rest }, index) => claimsOf(names, shard, rest, positions[index] ?? []));
      await evaluate(migration, claims);
    }
  },
};

/** @param range the stream, a colon, and the number of a range of its positions */
function claimsOf(names: KeyNames, holder: number, range: string, positions: readonly string[]): readonly Evaluation[] {
  const stream = range.slice(0, range.lastIndexOf(':'));
  const groups = Map.groupBy(positions.map(Number), (position) => claimRangeOf({ position }));
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const place = { stream, position: first };
    const keys = [names.meta(names.shardOfClaims(place)), names.claims(place)];
    return [{ script: scripts.migratePlaces, keys, args: [String(holder), ...group.map(String)] }];
  });
}

const ends: Step = {
  name: 'final records',
  async run(migration) {
    const { names } = migration;
    for await (const keys of keysOf(migration, 'i:', 'i:[5678]:'))
      await evaluate(
        migration,
        keys.map(({ key, shard, rest }) => ({
          script: scripts.migrateEnds,
          keys: [names.meta(shard), key, names.ends(shard), names.dropped(shard)],
          args: [rest],
        })),
      );
  },
};

const batches: Step = {
  name: 'unfinished batches',
  async run(migration) {
    const { names } = migration;
    for await (const keys of keysOf(migration, 'batch:'))
      await evaluate(
        migration,
        keys.map(({ key, shard, rest }) => ({
          script: scripts.migrateBatch,
          keys: [names.meta(shard), key, names.unfinished(shard), names.batches(shard)],
          args: [rest],
        })),
      );
  },
};

const tallies: Step = {
  name: 'batches with open records',
  async run(migration) {
    const { names } = migration;
    for await (const keys of keysOf(migration, 't:'))
      await evaluate(
        migration,
        keys.map(({ key, shard }) => ({ script: scripts.migrateTally, keys: [names.meta(shard), key, names.active(shard)], args: [] })),
      );
  },
};

const stepsTo: Readonly<Record<number, readonly Step[]>> = { 2: [records, places, ends, batches, tallies], 4: [ends] };
