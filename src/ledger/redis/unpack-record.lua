-- Makes a packed record an ordinary one again, before something is written to it. Begins with begin, head, packed.
--
-- KEYS[1]  meta                        KEYS[2]  record                      KEYS[3]  index of the batch and status
-- KEYS[4]  audit trail                 KEYS[5]  ends
-- KEYS[6]  KEYS[7]  KEYS[8]  buckets                                        KEYS[9]  long record ids
-- ARGV[1]  generation                  ARGV[2]  record id                   ARGV[3]  packed record
-- ARGV[4]  version                     ARGV[5]  code                        ARGV[6]  sequence
-- ARGV[7]  sensitive, 1 or 0           ARGV[8]  amount                      ARGV[9]  currency
-- ARGV[10] frame                       ARGV[11] token                       ARGV[12] its second and third line
-- ARGV[13] batch id                    ARGV[14] hash of a long record id, or ''
-- ARGV[15]… entries of the audit trail
-- Returns  { 'written', counters } | { 'moved', counters }: it is not there, or not as it was read
local value, bucket = packed_in(KEYS, 6, ARGV[2])
if value ~= ARGV[3] then return { 'moved', counters } end

local number = write()
redis.call('HDEL', KEYS[bucket], ARGV[2])
-- An order that begins with 0 is not that of its admission, which is not known any more.
redis.call('SET', KEYS[2], write_head({ version = ARGV[4], code = ARGV[5], sequence = ARGV[6], sensitive = ARGV[7], amount = ARGV[8],
  currency = ARGV[9], frame = ARGV[10], order = '0' .. number, first = '-', token = ARGV[11] }) .. ARGV[12])
redis.call('ZADD', KEYS[3], number, ARGV[2])
note_end(KEYS[5], number, ARGV[5], ARGV[13])
redis.call('DEL', KEYS[4])
append_trail(KEYS[4], ARGV, 15)
if ARGV[14] ~= '' then redis.call('HSET', KEYS[9], ARGV[14], ARGV[2]) end
return { 'written', counters }
