-- Import: notes a duplicate of a record. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  duplicates of the batch
-- ARGV[1]  generation                  ARGV[2]  member
-- Returns  { 'written' | 'known', counters }
if redis.call('ZSCORE', KEYS[2], ARGV[2]) then return { 'known', counters } end
redis.call('ZADD', KEYS[2], write(), ARGV[2])
return { 'written', counters }
