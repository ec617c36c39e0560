-- Migration: counts the open records of a batch in a shard, and notes the batch where it has any. Begins with migrating.
--
-- KEYS[1]  meta                        KEYS[2]  tally                       KEYS[3]  active batches
-- ARGV[1]  generation
local fields, open = redis.call('HGETALL', KEYS[2]), 0
for index = 1, #fields, 2 do
  -- Codes from 1 to 4 are not final.
  if string.match(fields[index], '^n[1-4]:') then open = open + tonumber(fields[index + 1]) end
end
redis.call('HSET', KEYS[2], 'open', string.format('%.0f', open))
if open > 0 then redis.call('SADD', KEYS[3], KEYS[2]) end
return { 'written' }
