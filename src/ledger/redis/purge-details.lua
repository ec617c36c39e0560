-- Purges the details of a final record. Begins with begin, head.
--
-- KEYS[1]  meta                        KEYS[2]  record                      KEYS[3]  dropped
-- ARGV[1]  generation                  ARGV[2]  version                     ARGV[3]  second and third line
-- ARGV[4]  field of batch and status   ARGV[5]  number up to which details are purged then
-- Returns  { 'written', counters } | { 'moved', counters }: it changed meanwhile, and its new number is higher
local value = redis.call('GET', KEYS[2])
local head = value and read_head(value)
if not head or head.version ~= ARGV[2] or not is_final(head.code) then return { 'moved', counters } end
write()
redis.call('SET', KEYS[2], write_head(head) .. ARGV[3])
redis.call('HSET', KEYS[3], ARGV[4], ARGV[5])
return { 'written', counters }
