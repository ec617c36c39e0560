-- Grants a shard so much of the limit of a day, in the first shard. What all shards were granted stays within the limit, and a
-- shard writes no intent beyond what it was granted: so the limit holds for all of them together. A shard asks for what it
-- needs in all, so that a call that Redis carries out twice grants nothing twice. Begins with begin, totals, day.
--
-- KEYS[1]  meta
-- ARGV[1]  generation                  ARGV[2]  currency                    ARGV[3]  day, in days since 1970
-- ARGV[4]  shard that asks             ARGV[5]  what it needs in all on this day
-- Returns  { 'written' | 'known', counters, what is granted to it } | { 'full', counters }: the limit would be exceeded
--          { 'free', counters }: there is no limit
local limit = limit_of(ARGV[2])
if not limit then return { 'free', counters } end
local day, target = tonumber(ARGV[3]), value_of(ARGV[5])
local all_field, own_field_name = 'granted:' .. ARGV[2], 'granted:' .. ARGV[2] .. ':' .. ARGV[4]
local all_day, all = day_value(redis.call('HGET', KEYS[1], all_field))
local own_day, own = day_value(redis.call('HGET', KEYS[1], own_field_name))
if all_day > day then return { 'full', counters } end
if all_day < day then all = 0 end
if own_day < day then own = 0 end
if covers(own, target) then return { 'known', counters, digits_of(own) } end
local total = sum(all, sum(target, own, -1), 1)
if not covers(limit, total) then return { 'full', counters } end
write()
redis.call('HSET', KEYS[1], all_field, text_of(day) .. ' ' .. digits_of(total), own_field_name, text_of(day) .. ' ' .. digits_of(target))
return { 'written', counters, digits_of(target) }
