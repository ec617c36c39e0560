-- The gates in this shard, as `<number> <token> <0 or 1: files need an approval> <limits of a day: CUR=minor,… or -> <JSON>`.
local needs_approval, day_limits = string.match(meta[8] or '', '^%d+ %S+ ([01]) (%S+)')

-- The limit of a day in minor units; nil where there is none.
local function limit_of(currency)
  if not day_limits or day_limits == '-' then return nil end
  local found = string.match(',' .. day_limits .. ',', ',' .. currency .. '=(%d+),')
  return found and value_of(found)
end

-- A day, in days since 1970, and one or two sums of it; zeros for what is not there.
local function day_value(text)
  local day, one, other = string.match(text or '0 0 0', '^(%d+) (%d+) ?(%d*)$')
  return tonumber(day), value_of(one), value_of(other ~= '' and other or '0')
end
