-- Notes up to which record of its batch and status all are packed or purged, once they are. Begins with begin, head.
--
-- KEYS[1]  meta                        KEYS[2]  ends                        KEYS[3]  index of the batch and status
-- ARGV[1]  generation                  ARGV[2]  member of the ends          ARGV[3]  number of the last one
-- Returns  { 'written', counters } | { 'known', counters }: another instance is further
local noted = redis.call('ZSCORE', KEYS[2], ARGV[2])
if not noted or tonumber(noted) > tonumber(ARGV[3]) then return { 'known', counters } end
write()
local following = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
set_score(KEYS[2], following[2] or '', ARGV[2])
return { 'written', counters }
