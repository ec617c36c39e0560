-- Reserves slots of the shared schedule (GCRA on Redis TIME). Slots are `interval` apart; each is given to one
-- instance only, which may use it from its beginning until `life` later and not otherwise. So whatever a reply or
-- an event loop is late, any window holds at most the slots that begin in it or less than `life` before it.
--
-- All times are microseconds. A slot begins at base + count x interval: a sum of rounded intervals would drift.
--
-- KEYS[1]  the limiter's hash: base, count, interval (of the next slot); closed (until); low, fell (slow-down)
-- ARGV[1]  configured rate, permits a second
-- ARGV[2]  how many times longer than 1 / rate the interval is made, at least 1
-- ARGV[3]  how many slots are wanted, at least 1
-- ARGV[4]  how far ahead of now a slot may begin
-- ARGV[5]  how long before now the oldest slot may begin that was left unused
-- ARGV[6]  how far ahead of now a new schedule begins, when the old one is lost or impossible: beyond its last slot
-- Returns  { now, slots given, beginning of the first relative to now, interval, wait until the next one is in
--            reach, closed for, rate after the last fall or '', time since that fall, base, count after }
--          numbers as text: Redis would cut off fractions
local key = KEYS[1]
local configured, stretch, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local ahead, backlog, settle = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local state = redis.call('HMGET', key, 'base', 'count', 'interval', 'closed', 'low', 'fell')
local base, count, counted = tonumber(state[1] or ''), tonumber(state[2] or ''), tonumber(state[3] or '')
local closed, low, fell = tonumber(state[4] or '') or 0, tonumber(state[5] or ''), tonumber(state[6] or '')
-- A fall in the future: the clock was set back, and the rate would stay low for that long.
if fell and fell > now then
  fell = now
  redis.call('HSET', key, 'fell', string.format('%.0f', fell))
end

local interval = stretch * 1000000 / climbed(configured, low, fell, now)
local known = base and count and counted
local due = known and base + count * counted or now + settle
-- No slot is ever given so far ahead: the clock was set back, and everybody would wait for that long.
local impossible = known and due > now + settle + counted
if impossible then due = now + settle + counted end

local first = math.max(due, now - backlog, closed)
if not known or impossible or first ~= due or interval ~= counted then
  base, count = math.ceil(first), 0
end
first = base + count * interval

local given = math.max(math.min(wanted, math.floor((now + ahead - first) / interval) + 1), 0)
if given > 0 or not known or impossible then
  count = count + given
  redis.call('HSET', key, 'base', string.format('%.0f', base), 'count', string.format('%.0f', count),
    'interval', string.format('%.17g', interval))
end
local wait = math.max(base + count * interval - ahead - now, 0)

return {
  string.format('%.0f', now), string.format('%.0f', given), string.format('%.3f', first - now),
  string.format('%.17g', interval), string.format('%.3f', wait), string.format('%.0f', math.max(closed - now, 0)),
  low and string.format('%.17g', low) or '', string.format('%.0f', fell and math.max(now - fell, 0) or 0),
  string.format('%.0f', base), string.format('%.0f', count),
}
