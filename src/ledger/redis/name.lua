-- Gives a text that many records share a number, so that each of them holds only that. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  names
-- ARGV[1]  generation                  ARGV[2]  text
-- Returns  { 'written' | 'known', counters, number }
local known = redis.call('HGET', KEYS[2], 't' .. ARGV[2])
if known then return { 'known', counters, known } end
write()
local id = string.format('%.0f', redis.call('HINCRBY', KEYS[2], 'count', 1))
redis.call('HSET', KEYS[2], 't' .. ARGV[2], id, 'n' .. id, ARGV[2])
return { 'written', counters, id }
