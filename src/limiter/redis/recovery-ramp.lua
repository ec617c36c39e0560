-- Put before the scripts that need it: the rate as it climbs after a fall, as climb.ts says for one process.

-- Permits a second at `now`; `low` and `fell` (microseconds) are nil when there was no fall.
local function climbed(configured, low, fell, now)
  local climb = 60000000
  if not low or not fell or now - fell >= climb then return configured end
  return math.min(low + (configured - low) * math.max(now - fell, 0) / climb, configured)
end
