-- Copies what was decided of a pause to another shard, unless that has a later decision. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  pauses                      KEYS[3]  the hash that holds the number; see set-pause
-- ARGV[1]  generation                  ARGV[2]  batch id, '' for everything
-- ARGV[3]  number of the decision      ARGV[4]  token                       ARGV[5]  the pause as JSON, '' for none
-- Returns  { 'written' | 'again' | 'known', counters }
local known, token = string.match(redis.call('HGET', KEYS[3], 'pause') or '0 -', '^(%d+) (%S+)$')
if token == ARGV[4] then return { 'again', counters } end
local current = redis.call('HGET', KEYS[2], ARGV[2]) or ''
if tonumber(ARGV[3]) < tonumber(known) or (known == ARGV[3] and current == ARGV[5]) then return { 'known', counters } end
write()
redis.call('HSET', KEYS[3], 'pause', ARGV[3] .. ' ' .. ARGV[4])
if ARGV[5] == '' then redis.call('HDEL', KEYS[2], ARGV[2]) else redis.call('HSET', KEYS[2], ARGV[2], ARGV[5]) end
return { current == ARGV[5] and 'known' or 'written', counters }
