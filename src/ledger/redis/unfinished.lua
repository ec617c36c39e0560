-- Keeps the set of unfinished batches of files, which are named by a SHA-256. A batch of events has no end, and is not in it.
local function note_state(unfinished, number, batch, state)
  if #batch ~= 64 or string.find(batch, '[^0-9a-f]') then return end
  if state == 'running' or state == 'waiting' then redis.call('ZADD', unfinished, 'NX', number, batch)
  else redis.call('ZREM', unfinished, batch) end
end
