-- Copies the gates, or the terms of a batch, to another shard, unless that has the same or later ones. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  the hash that has the field; see set-gate
-- ARGV[1]  generation                  ARGV[2]  field                       ARGV[3]  number
-- ARGV[4]  number and text, see intent
-- Returns  { 'written' | 'known', counters }
local known = string.match(redis.call('HGET', KEYS[2], ARGV[2]) or '0 -', '^%d+')
if tonumber(ARGV[3]) <= tonumber(known) then return { 'known', counters } end
write()
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
return { 'written', counters }
