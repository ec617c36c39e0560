-- Takes over events that have waited long for the instance that decided them. Their waiting time starts again, so that
-- no other instance takes them over for as long. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  outbox, times               KEYS[3]  outbox, events
-- ARGV[1]  generation                  ARGV[2]  owner                       ARGV[3]  longer than, ms
-- ARGV[4]  at most
-- Returns  { 'written', counters, number, event, number, event, … }, an event being event id, line break, JSON
local oldest = string.format('%.3f', tonumber(now_ms) - tonumber(ARGV[3]))
local numbers = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', oldest, 'LIMIT', 0, ARGV[4])
if #numbers == 0 then return { 'written', counters } end
write()
local answer = { 'written', counters }
for _, number in ipairs(numbers) do
  local entry = redis.call('HGET', KEYS[3], number)
  local event = string.sub(entry, string.find(entry, '\n', 1, true) + 1)
  redis.call('ZADD', KEYS[2], now_ms, number)
  redis.call('HSET', KEYS[3], number, ARGV[2] .. '\n' .. event)
  answer[#answer + 1] = number
  answer[#answer + 1] = event
end
return answer
