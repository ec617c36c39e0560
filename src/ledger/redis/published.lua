-- Forgets events that are surely published. An element of a group.
--
-- KEYS[1]  meta                        KEYS[2]  outbox, times               KEYS[3]  outbox, events
-- ARGV[1]  generation                  ARGV[2]… numbers
-- Returns  { 'written', counters }
write()
redis.call('ZREM', KEYS[2], unpack(ARGV, 2))
redis.call('HDEL', KEYS[3], unpack(ARGV, 2))
return { 'written', counters }
