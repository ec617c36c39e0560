-- Migration: notes how many steps are done, or that the shard may be used. Begins with migrating.
--
-- KEYS[1]  meta                        KEYS[2]  marks of the former schema
-- ARGV[1]  generation                  ARGV[2]  steps, or 'live'
if ARGV[2] ~= 'live' then
  redis.call('HSET', KEYS[1], 'migrated', ARGV[2])
else
  redis.call('HSET', KEYS[1], 'state', 'live', 'active', '1')
  redis.call('HDEL', KEYS[1], 'migrated', 'migrated_from')
  redis.call('DEL', KEYS[2])
end
return { 'written' }
