-- Notes what a shard was granted of the limit of a day; what it has noted only rises. Begins with begin, totals, day.
--
-- KEYS[1]  meta
-- ARGV[1]  generation                  ARGV[2]  currency                    ARGV[3]  day, in days since 1970
-- ARGV[4]  what is granted to it in all on this day
-- Returns  { 'written' | 'known', counters }
local field, day = 'day:' .. ARGV[2], tonumber(ARGV[3])
local known_day, sent, granted = day_value(redis.call('HGET', KEYS[1], field))
if known_day > day or (known_day == day and covers(granted, value_of(ARGV[4]))) then return { 'known', counters } end
if known_day < day then sent = 0 end
write()
redis.call('HSET', KEYS[1], field, text_of(day) .. ' ' .. digits_of(sent) .. ' ' .. ARGV[4])
return { 'written', counters }
