-- Packs a final record: what is kept permanently goes into a bucket, and everything else of it is removed. Begins with begin,
-- head, packed.
--
-- KEYS[1]  meta                        KEYS[2]  record                      KEYS[3]  index of the batch and status
-- KEYS[4]  audit trail                 KEYS[5]  body                        KEYS[6]  buckets that the batch has records in
-- KEYS[7]  KEYS[8]  KEYS[9]  buckets                                        KEYS[10]  long record ids
-- ARGV[1]  generation                  ARGV[2]  state                       ARGV[3]  record id
-- ARGV[4]  packed record               ARGV[5]  ARGV[6]  ARGV[7]  numbers of the buckets
-- Returns  { 'written', counters } | { 'again', counters }: this call was carried out before
--          { 'moved', counters }: it changed meanwhile, or another instance has packed it
local value = redis.call('GET', KEYS[2])
if not value then return { packed_in(KEYS, 7, ARGV[3]) == ARGV[4] and 'again' or 'moved', counters } end
local head = read_head(value)
if state_of(value, head) ~= ARGV[2] or not is_final(head.code) then return { 'moved', counters } end

write()
redis.call('DEL', KEYS[2], KEYS[4], KEYS[5])
redis.call('ZREM', KEYS[3], ARGV[3])
local bucket = tonumber(ARGV[put_packed(KEYS, 7, ARGV[3], ARGV[4]) - 2])
local entry = string.char(math.floor(bucket / 256), bucket % 256)
redis.call('APPEND', KEYS[6], entry)
if ARGV[8] ~= '' then redis.call('HDEL', KEYS[10], ARGV[8]) end
return { 'written', counters }
