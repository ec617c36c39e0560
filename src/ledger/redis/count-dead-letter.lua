-- Counts a dead letter, once. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  positions of its stream
-- ARGV[1]  generation                  ARGV[2]  position
-- Returns  { 'written', counters }
if redis.call('SISMEMBER', KEYS[2], ARGV[2]) == 1 then return { 'written', counters } end
write()
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('HINCRBY', KEYS[1], 'dead_letters', 1)
return { 'written', counters }
