-- Changes the state of a shard. Begins with begin.
--
-- KEYS[1]  meta
-- ARGV[1]  generation                  ARGV[2]  state                       ARGV[3]  generations that a rebuild took in
-- Returns  { 'written', counters }
write()
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'taken_in', ARGV[3])
return { 'written', counters }
