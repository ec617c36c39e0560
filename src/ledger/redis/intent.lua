-- What an intent is checked by, in the step that writes it.

-- By batch: no call of a group pauses anything.
local found_pauses = {}

-- The pause of the batch or of everything, if there is one. As `pauseOf` says, `cancelled` counts first.
local function pause_of(pauses, batch)
  if found_pauses[batch] == nil then
    local found = redis.call('HMGET', pauses, '', batch)
    local is_cancelled = found[2] and string.find(found[2], '"code":"cancelled"', 1, true)
    found_pauses[batch] = is_cancelled and found[2] or found[1] or found[2]
  end
  return found_pauses[batch]
end

-- A send is dated by the lowest clock at hand and aged by the highest: one that was set back, or did not count a
-- suspension, makes its key seem younger than it is.
local function is_too_old(first, intent)
  local margin, wall, lifetime, sent_wall = string.match(intent, '^(%S+) (%S+) (%S+) (%S+)$')
  if lifetime == '-' or sent_wall == '-' or tonumber(first) <= barrier then return true end
  local age = math.max(now, tonumber(wall)) - math.min(tonumber(first), tonumber(sent_wall)) + clock_tolerance_ms
  return age >= tonumber(lifetime) - tonumber(margin)
end

-- Why an intent may not be written now, whatever its batch is paused by; nil when it may. `approval`, or the
-- time before which nothing of the batch is sent. The terms of a batch are
-- `<number> <token> <0 or 1: it is approved> <milliseconds or -> <JSON>`.
local function hold_of(totals, batch)
  if #batch ~= 64 or string.find(batch, '[^0-9a-f]') then return nil end
  local approved, not_before = string.match(redis.call('HGET', totals, 'terms') or '', '^%d+ %S+ ([01]) (%S+)')
  if needs_approval == '1' and approved ~= '1' then return 'approval' end
  if not_before and not_before ~= '-' and now < tonumber(not_before) then return not_before end
  return nil
end

local day_length_ms = 86400000

-- What counts for the day with one more intent of this amount: the field and its value; where more must be granted first, nil,
-- the day and what the shard needs in all.
local function with_day(currency, amount)
  local field, today = 'day:' .. currency, math.floor(now / day_length_ms)
  local day, sent, granted = day_value(redis.call('HGET', KEYS[1], field))
  if day ~= today then sent, granted = 0, 0 end
  local total = sum(sent, amount, 1)
  if not covers(granted, total) then return nil, text_of(today), digits_of(total) end
  return field, text_of(today) .. ' ' .. digits_of(total) .. ' ' .. digits_of(granted)
end

-- A send that surely did not happen is taken back from the day that surely counted it.
local surely_of_day_ms = 60000
local function take_from_day(currency, amount, first)
  local field = 'day:' .. currency
  local day, sent, granted = day_value(redis.call('HGET', KEYS[1], field))
  if day ~= math.floor((tonumber(first) - surely_of_day_ms) / day_length_ms) or not covers(sent, amount) then return end
  redis.call('HSET', KEYS[1], field, text_of(day) .. ' ' .. digits_of(sum(sent, amount, -1)) .. ' ' .. digits_of(granted))
end
