-- Purges the details of a final record, and notes which record of its batch and status is the next one. Without a record
-- only the latter. Begins with begin, head.
--
-- KEYS[1]  meta                        KEYS[2]  record                      KEYS[3]  ends
-- KEYS[4]  index of the batch and status                                    KEYS[5]  audit trail
-- ARGV[1]  generation                  ARGV[2]  state, '' for no record     ARGV[3]  second and third line
-- ARGV[4]  member of the ends          ARGV[5]  number of the record, or of the last one that was purged
-- ARGV[6]… the entry that takes the place of the trail, if there is one
-- Returns  { 'written', counters } | { 'again', counters }: this call, or one like it, was carried out before
--          { 'moved', counters }: it changed meanwhile, and its new number is higher; or another instance has purged it
local value = ARGV[2] ~= '' and redis.call('GET', KEYS[2])
local head = value and read_head(value)
local is_same = head and state_of(value, head) == ARGV[2] and is_final(head.code)
local noted = redis.call('ZSCORE', KEYS[3], ARGV[4])
if not noted or tonumber(noted) > tonumber(ARGV[5]) then
  return { head and lines_below(value) == ARGV[3] and 'again' or 'moved', counters }
end
write()
if is_same then
  redis.call('SET', KEYS[2], write_head(head) .. ARGV[3])
  redis.call('DEL', KEYS[5])
  append_trail(KEYS[5], ARGV, 6)
end
local following = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. ARGV[5], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
set_score(KEYS[3], following[2] or '', ARGV[4])
return { is_same and 'written' or 'moved', counters }
