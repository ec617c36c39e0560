-- Pauses every instance; never shortens an earlier pause.
--
-- KEYS[1]  the limiter's hash
-- ARGV[1]  for how long from now, microseconds, a whole number
-- Returns  until when it is closed, microseconds since the epoch, as text
local time = redis.call('TIME')
local wanted = tonumber(time[1]) * 1000000 + tonumber(time[2]) + tonumber(ARGV[1])
local closed = tonumber(redis.call('HGET', KEYS[1], 'closed') or '') or 0
if wanted > closed then
  closed = wanted
  redis.call('HSET', KEYS[1], 'closed', string.format('%.0f', closed))
end
return string.format('%.0f', closed)
