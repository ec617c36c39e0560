-- Purges the details of a final record, and notes which record of its batch and status is the next one. Without a record
-- only the latter. Begins with begin, head.
--
-- KEYS[1]  meta                        KEYS[2]  record                      KEYS[3]  ends
-- KEYS[4]  index of the batch and status
-- ARGV[1]  generation                  ARGV[2]  version, '' for no record   ARGV[3]  second and third line
-- ARGV[4]  member of the ends          ARGV[5]  number of the record, or of the last one that was purged
-- Returns  { 'written', counters } | { 'moved', counters }: it changed meanwhile, and its new number is higher
local value = ARGV[2] ~= '' and redis.call('GET', KEYS[2])
local head = value and read_head(value)
local is_same = head and head.version == ARGV[2] and is_final(head.code)
write()
if is_same then redis.call('SET', KEYS[2], write_head(head) .. ARGV[3]) end
local following = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. ARGV[5], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
set_score(KEYS[3], following[2] or '', ARGV[4])
return { is_same and 'written' or 'moved', counters }
