/** Which versions of the schema ledgers in Redis have. */
import { defaultShardCount } from './sharding.ts';

/** The one that ledgers of older versions are migrated to. */
export const schemaVersion = 4;
/** The same with more than 16 shards: a program that knows only 16 would not find most records, and refuses it. */
const schemaOfMoreShards = 5;

/** The newest version that a ledger of so many shards has. */
export const schemaOf = (shardCount: number): number => (shardCount === defaultShardCount ? schemaVersion : schemaOfMoreShards);
