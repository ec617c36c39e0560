-- Pauses a batch or everything, or ends that, in the shard that decides it: that of the batch id, or the first one. Each
-- change has a number, which only rises. A call that Redis carries out late, after it was made again, changes nothing.
-- Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  pauses
-- KEYS[3]  the hash that holds, as `pause`, number and token of the last change: totals of the batch, or meta
-- ARGV[1]  generation                  ARGV[2]  batch id, '' for everything
-- ARGV[3]  number that was read        ARGV[4]  token                       ARGV[5]  the pause as JSON, '' to end it
-- Returns  { 'written' | 'again' | 'known', counters, number, the pause that is set or '' } | { 'moved', counters, number }
local number, token = string.match(redis.call('HGET', KEYS[3], 'pause') or '0 -', '^(%d+) (%S+)$')
local current, pause = redis.call('HGET', KEYS[2], ARGV[2]) or '', ARGV[5]
if token == ARGV[4] then return { 'again', counters, number, current } end
if number ~= ARGV[3] then return { 'moved', counters, number } end
local function is_cancelled(text) return string.find(text, '"code":"cancelled"', 1, true) ~= nil end
-- The first one stays, but for `cancelled`, which takes the place of another one and is never ended.
local stays = is_cancelled(current) or (current == '') == (pause == '') and not is_cancelled(pause)
-- A pause that a rebuild has kept has no number: it gets one, by which the other shards take it.
if stays and (number ~= '0' or current == '') then return { 'known', counters, number, current } end
if stays then pause = current end

write()
number = string.format('%.0f', tonumber(number) + 1)
redis.call('HSET', KEYS[3], 'pause', number .. ' ' .. ARGV[4])
if pause == '' then redis.call('HDEL', KEYS[2], ARGV[2]) else redis.call('HSET', KEYS[2], ARGV[2], pause) end
return { stays and 'known' or 'written', counters, number, pause }
