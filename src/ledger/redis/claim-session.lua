-- Claims a session of the gateway for one record, forever. An element of a group.
--
-- KEYS[1]  meta                        KEYS[2]  sessions
-- ARGV[1]  generation                  ARGV[2]  session id                  ARGV[3]  record id
-- Returns  { 'written', counters } | { 'known', counters, record id }: the record that has it, perhaps this one
local holder = redis.call('HGET', KEYS[2], ARGV[2])
if holder then return { 'known', counters, holder } end
write()
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return { 'written', counters }
