/** Shards and key names of a ledger of 16 shards, as one is that was created without a choice. */
import { createKeyNames as namesOf, type KeyNames } from '../../src/ledger/redis/key-names.ts';
import { createSharding, defaultShardCount } from '../../src/ledger/redis/sharding.ts';

export const { shards, shardOf } = createSharding(defaultShardCount);
export const createKeyNames = (prefix: string): KeyNames => namesOf(prefix, defaultShardCount);
