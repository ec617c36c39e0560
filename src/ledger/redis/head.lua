-- The first line of a record, which scripts read and write; scripts do not read the other two.
--
--   version code sequence sensitive amount currency frame order first token
--
-- code: of the status; sensitive: 1 when no body may be kept; frame: number of the template that the records of one batch
-- and stream share; order: number of its admission; first: when it was first sent, or -; token: of the last step.
local head_pattern = '^(%d+) (%d+) (%d+) ([01]) (%d+) (%S+) (%d+) (%d+) (%S+) (%S+)\n'

local function read_head(value)
  local version, code, sequence, sensitive, amount, currency, frame, order, first, token = string.match(value, head_pattern)
  return { version = version, code = code, sequence = sequence, sensitive = sensitive, amount = amount, currency = currency,
    frame = frame, order = order, first = first, token = token }
end

-- What a step is decided on: the version, and how far the audit trail goes, because the purge of details appends to the trail
-- and leaves the version as it is. The number is in the second line; a text in JSON cannot look like that member.
local function state_of(value, head)
  local below = string.find(value, '\n', 1, true)
  local fixed = string.find(value, '\n', below + 1, true)
  local found, last = string.find(value, '"audit":[', below, true)
  local number = found and found < fixed and string.match(value, '^%d+', last + 1)
  return head.version .. '.' .. (number or '0')
end

local function write_head(head)
  return head.version .. ' ' .. head.code .. ' ' .. head.sequence .. ' ' .. head.sensitive .. ' ' .. head.amount .. ' '
    .. head.currency .. ' ' .. head.frame .. ' ' .. head.order .. ' ' .. head.first .. ' ' .. head.token .. '\n'
end

-- All after the first line: the mutable line, a line break, the immutable line.
local function lines_below(value)
  return string.sub(value, string.find(value, '\n', 1, true) + 1)
end
local function fixed_line(value)
  return string.sub(value, string.find(value, '\n', string.find(value, '\n', 1, true) + 1, true) + 1)
end

-- Codes of statuses from this one on are final; those of records have one digit.
local function is_final(code) return code >= '5' end

-- Notes that a record of the batch ended in this status, unless an older one waits there for its details to be purged.
local function note_end(ends, number, code, batch) redis.call('ZADD', ends, 'NX', number, code .. ':' .. batch) end

-- Appends to an audit trail: all of these arguments from this one on.
local function append_trail(trail, arguments, first)
  if #arguments >= first then redis.call('RPUSH', trail, unpack(arguments, first)) end
end

-- The member has this score, or with '' is none of the set's.
local function set_score(set, score, member)
  if score == '' then redis.call('ZREM', set, member) else redis.call('ZADD', set, score, member) end
end
