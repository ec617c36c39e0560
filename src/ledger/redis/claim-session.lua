-- Claims a session of the gateway for one record, forever. An element of a group.
--
-- KEYS[1]  meta                        KEYS[2]  sessions                    KEYS[3]  KEYS[4]  KEYS[5]  buckets of packed claims
-- ARGV[1]  generation                  ARGV[2]  session id                  ARGV[3]  record id
-- ARGV[4]  field of its packed claim   ARGV[5]  rest of its hash
-- Returns  { 'written', counters } | { 'known', counters, record id }: the record that has it, perhaps this one; of a packed
--          claim perhaps its hash
local packed = claim_in(KEYS, 3, ARGV[4], ARGV[5])
if packed then return { 'known', counters, redis.call('HGET', KEYS[2], ARGV[2]) or packed } end
-- Nearly every session is new: this looks and claims at once.
if redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3]) == 0 then
  return { 'known', counters, redis.call('HGET', KEYS[2], ARGV[2]) }
end
write()
return { 'written', counters }
