-- Returns how long sending is paused.
--
-- KEYS[1]  the limiter's hash
-- Returns  microseconds, 0 when it is open, as text
local time = redis.call('TIME')
local closed = tonumber(redis.call('HGET', KEYS[1], 'closed') or '') or 0
return string.format('%.0f', math.max(closed - tonumber(time[1]) * 1000000 - tonumber(time[2]), 0))
