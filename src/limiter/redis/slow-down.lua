-- The gateway said too many: the rate falls to half of what it is, not below a hundredth of the configured one, and
-- climbs back from there. However many instances say so within a second, it is one fall.
--
-- KEYS[1]  the limiter's hash
-- ARGV[1]  configured rate, permits a second
-- Returns  { rate after the last fall, microseconds since that fall }, as text
local configured = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local state = redis.call('HMGET', KEYS[1], 'low', 'fell')
local low, fell = tonumber(state[1] or ''), tonumber(state[2] or '')
-- A fall in the future: the clock was set back.
if not low or not fell or fell > now or now - fell >= 1000000 then
  low = math.max(climbed(configured, low, fell, now) / 2, configured / 100)
  fell = now
  redis.call('HSET', KEYS[1], 'low', string.format('%.17g', low), 'fell', string.format('%.0f', fell))
end
return { string.format('%.17g', low), string.format('%.0f', now - fell) }
