-- Migration: takes a shard from the programs that know its former schema. They stop at their next call, because the
-- generation is another one, and refuse the schema when they start.
--
-- KEYS[1]  meta
-- ARGV[1]  generation so far           ARGV[2]  generation from now on      ARGV[3]  schema
-- ARGV[4]  idempotency header, to which the ledger is bound from now on if it is bound to none
-- Returns  { generation, state, schema } that are there now
local known = redis.call('HMGET', KEYS[1], 'generation', 'state', 'taken_in', 'schema')
if known[1] ~= ARGV[1] then return { known[1] or '', known[2] or '', known[4] or '' } end
local taken_in = known[3] and known[3] ~= '' and known[3] .. ' ' .. ARGV[1] or ARGV[1]
redis.call('HSET', KEYS[1], 'generation', ARGV[2], 'state', 'migrating', 'schema', ARGV[3], 'migrated_from', ARGV[1],
  'migrated', '0', 'taken_in', taken_in)
redis.call('HSETNX', KEYS[1], 'idempotency_header', ARGV[4])
return { ARGV[2], 'migrating', ARGV[3] }
