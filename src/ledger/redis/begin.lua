-- What every script of the ledger begins with.
--
-- KEYS[1]  the shard's meta hash: generation, counter, last, shard, ...
-- ARGV[1]  the generation that the caller works on
-- Returns  { 'lost', '0' } when the shard holds another one, or none: then nothing was written
local meta = redis.call('HMGET', KEYS[1], 'generation', 'counter', 'last', 'shard')
if meta[1] ~= ARGV[1] then return { 'lost', '0' } end

-- How many writes the shard has seen; every answer carries it, so that a shard that went back is noticed.
local counter = meta[2] or '0'

local clock = redis.call('TIME')
local now_ms = string.format('%.3f', tonumber(clock[1]) * 1000 + tonumber(clock[2]) / 1000)

-- Begins the writing, when everything was checked. Answers a number that rises in the shard and tells it: microseconds
-- since 2025, times 16, plus shard. It is far below 2^53, so that a score holds it exactly.
local function write()
  local number = math.max((tonumber(clock[1]) - 1735689600) * 1000000 + tonumber(clock[2]), tonumber(meta[3] or '0') + 1)
  redis.call('HSET', KEYS[1], 'last', string.format('%.0f', number))
  counter = string.format('%.0f', redis.call('HINCRBY', KEYS[1], 'counter', 1))
  return string.format('%.0f', number * 16 + tonumber(meta[4]))
end

-- Appends an event to the outbox. Its last member is the ledger's mark, by which a ledger that went back is known.
local function tell(times, events, number, owner, event_id, json)
  local mark = meta[1] .. '.' .. meta[4] .. '.' .. counter
  redis.call('ZADD', times, now_ms, number)
  redis.call('HSET', events, number,
    owner .. '\n' .. event_id .. '\n' .. string.sub(json, 1, -2) .. ',"ledger_mark":"' .. mark .. '"}')
end
