-- What every script of the ledger begins with.
--
-- KEYS[1]  the shard's meta hash: generation, counter, last, shard, shards, w:<writer>, forgotten, offset,
--          barrier, ...; without shards the ledger has 16 of them
-- ARGV[1]  the generation that the caller works on; behind a space the writer: the short id of the calling process
-- Returns  { 'lost', '0' } when the shard holds another generation, or none: then nothing was written
local generation, writer = string.match(ARGV[1], '^(%S+) ?(%S*)$')
local own_field = 'w:' .. writer
local meta = redis.call('HMGET', KEYS[1], 'generation', 'counter', 'last', 'shard', own_field, 'offset', 'barrier', 'gates',
  'shards')
if meta[1] ~= generation then return { 'lost', '0' } end

-- How many writes the shard has seen, a space, and which of them was the writer's last (0: none). Every reply carries
-- both, so that a shard restored from an older copy is noticed, also when others have written past what it had.
local counter = meta[2] or '0'
local own_counter = string.match(meta[5] or '0', '^%d+')

-- A whole number as text. A format with a point costs several times as much, and one of more digits than these overflows
-- where a `long` has 32 bits.
local function text_of(number)
  if number < 1000000000 then return string.format('%d', number) end
  return string.format('%d%09d', math.floor(number / 1000000000), number % 1000000000)
end

-- The ledger's time is Redis TIME and an offset, so it never goes back if TIME is set back, or another server is behind: the
-- offset is raised when the time is behind the newest one written, and never lowered. How long it really was is not known
-- then: no send that was made until then, the barrier, is ever resent.
local clock = redis.call('TIME')
local clock_tolerance_ms, numbers_begin_ms = 2000, 1735689600000
local last, offset, barrier = (meta[3] or 0) + 0, (meta[6] or 0) + 0, (meta[7] or 0) + 0
local newest, now = last / 1000 + numbers_begin_ms, clock[1] * 1000 + clock[2] / 1000 + offset
local went_back = last > 0 and newest - now > clock_tolerance_ms
local offset_text = meta[6] or '0.000'
if went_back then
  offset, now, barrier = offset + newest - now, newest, newest
  offset_text = string.format('%.3f', offset)
  -- Kept at once, also by a call that writes nothing else. Where Redis refuses it for lack of memory, the next call does it.
  redis.pcall('HSET', KEYS[1], 'offset', offset_text, 'barrier', string.format('%.3f', barrier))
end
local now_us = math.floor(now * 1000 + 0.5)
local now_ms = text_of(math.floor(now_us / 1000)) .. string.format('.%03d', now_us % 1000)

-- What a reply begins with, behind its first word: the counters, the time, the offset in it.
local function counters_now() return counter .. ' ' .. own_counter .. ' ' .. now_ms .. ' ' .. offset_text end
local counters = counters_now()

local writers_kept, writers_at_most, writer_kept_s = 64, 256, 86400

-- Frees space for one more writer: drops those that wrote longest ago, and of those that wrote within a day only as many
-- as are above the bound, which a process that crashes and starts again and again reaches. Their last counters are at most
-- `forgotten`, by which a process that was dropped while it runs knows that nothing was lost.
local function drop_old_writers()
  local fields, writers = redis.call('HGETALL', KEYS[1]), {}
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, 2) == 'w:' then
      local last, at_s = string.match(fields[index + 1], '^(%d+) (%d+)$')
      writers[#writers + 1] = { field = fields[index], last = tonumber(last), at_s = tonumber(at_s) }
    end
  end
  table.sort(writers, function(one, other) return one.at_s < other.at_s end)
  local forgotten = tonumber(redis.call('HGET', KEYS[1], 'forgotten') or '0')
  for index = 1, #writers - writers_kept + 1 do
    local is_fresh = tonumber(clock[1]) - writers[index].at_s < writer_kept_s
    if is_fresh and #writers - index < writers_at_most - 1 then break end
    redis.call('HDEL', KEYS[1], writers[index].field)
    forgotten = math.max(forgotten, writers[index].last)
    redis.call('HSET', KEYS[1], 'forgotten', string.format('%.0f', forgotten))
  end
end

-- How many calls this script carries out, and whether one of them has written.
local calls_here, has_written = 1, false

-- In a ledger with more than 16 shards two numbers of one are so many microseconds apart: no two shards share a number.
local number_step = (meta[9] or 16) / 16

-- Starts the writes of a call, once everything is checked. Returns a number that rises in the shard and contains it:
-- microseconds since 2025, times 16, plus shard. It is below 2^53 until 2042, so that a score holds it exactly. The first
-- call that writes takes numbers and counters for all, so that the meta hash is written once; where Redis refuses that, as
-- it does without memory, the next call tries it again.
local function write()
  if has_written then
    last = last + number_step
  else
    local now_step = math.floor((now - numbers_begin_ms) * 1000 / number_step)
    local lowest = math.max(now_step, math.floor(last / number_step) + 1) * number_step
    local highest = text_of(counter + calls_here)
    local fields = { 'last', text_of(lowest + (calls_here - 1) * number_step), 'counter', highest }
    if writer ~= '' then
      if not meta[5] then drop_old_writers() end
      fields[5], fields[6] = own_field, highest .. ' ' .. clock[1]
    end
    redis.call('HSET', KEYS[1], unpack(fields))
    has_written, last = true, lowest
  end
  counter = text_of(counter + 1)
  if writer ~= '' then own_counter = counter end
  counters = counters_now()
  return text_of(last * 16 + meta[4])
end

-- Appends an event to the outbox. Its last member is the ledger's mark, by which a ledger that went back is known.
local function tell(times, events, number, owner, event_id, json)
  local mark = generation .. '.' .. meta[4] .. '.' .. counter
  redis.call('ZADD', times, now_ms, number)
  redis.call('HSET', events, number,
    owner .. '\n' .. event_id .. '\n' .. string.sub(json, 1, -2) .. ',"ledger_mark":"' .. mark .. '"}')
end
