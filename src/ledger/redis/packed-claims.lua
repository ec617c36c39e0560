-- Packed claims of sessions: each is two bytes of the hash of the session id in base64, or a mark, and the record that has it.
local rest_size, unknown_rest = 3, '---'

-- Who has the session that this field and rest name, by one of the three buckets from this key on. A second value says that the
-- field is another session's.
local function claim_in(keys, first, field, rest)
  local value = packed_in(keys, first, field)
  if not value then return nil, false end
  local its = string.sub(value, 1, rest_size)
  if its == rest or its == unknown_rest or rest == unknown_rest then return string.sub(value, rest_size + 1), false end
  return nil, true
end
