-- Sets the gates, or the terms of a batch, in the shard that decides: the first one, or that of the batch id. Each change has
-- a number, which only rises. A call that Redis carries out late, after it was made again, changes nothing. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  the hash that has the field: meta, or totals of the batch
-- ARGV[1]  generation                  ARGV[2]  field: `gates` or `terms`   ARGV[3]  number that was read
-- ARGV[4]  token                       ARGV[5]  number and text, see intent
-- Returns  { 'written' | 'again' | 'moved', counters }
local number, token = string.match(redis.call('HGET', KEYS[2], ARGV[2]) or '0 -', '^(%d+) (%S+)')
if token == ARGV[4] then return { 'again', counters } end
if number ~= ARGV[3] then return { 'moved', counters } end
write()
redis.call('HSET', KEYS[2], ARGV[2], ARGV[5])
return { 'written', counters }
