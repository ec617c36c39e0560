-- What an intent is checked by, in the step that writes it.

-- The pause of the batch or of everything, if there is one. As `pauseOf` says, `cancelled` counts first.
local function pause_of(pauses, batch)
  local found = redis.call('HMGET', pauses, '', batch)
  local is_cancelled = found[2] and string.find(found[2], '"code":"cancelled"', 1, true)
  return is_cancelled and found[2] or found[1] or found[2]
end

-- A send is dated by the lowest clock at hand and aged by the highest: one that was set back, or did not count a
-- suspension, makes its key seem younger than it is.
local function is_too_old(first, intent)
  local margin, wall, lifetime, sent_wall = string.match(intent, '^(%S+) (%S+) (%S+) (%S+)$')
  if lifetime == '-' or sent_wall == '-' or tonumber(first) <= barrier then return true end
  local age = math.max(now, tonumber(wall)) - math.min(tonumber(first), tonumber(sent_wall)) + clock_tolerance_ms
  return age >= tonumber(lifetime) - tonumber(margin)
end
