-- Creates a shard of a new ledger, or finds it as it is. The only script that works without a generation.
--
-- KEYS[1]  meta
-- ARGV[1]  generation                  ARGV[2]  shard                       ARGV[3]  state
-- ARGV[4]  'over' to replace what is there, else ''                         ARGV[5]… further fields and values
-- Returns  { generation, state, number of shards } that are there now
local known = redis.call('HMGET', KEYS[1], 'generation', 'state', 'shards')
if known[1] and (ARGV[4] ~= 'over' or known[1] == ARGV[1]) then return { known[1], known[2], known[3] or '16' } end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'shard', ARGV[2], 'state', ARGV[3], 'counter', '0', unpack(ARGV, 5))
return { ARGV[1], ARGV[3], redis.call('HGET', KEYS[1], 'shards') or '16' }
