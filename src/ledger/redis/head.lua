-- The first line of a record, which scripts read and write; scripts do not read the other two.
--
--   version code sequence sensitive amount currency frame order first token
--
-- code: of the status; sensitive: 1 when no body may be kept; frame: number of the template that the records of one batch
-- and stream share; order: number of its admission; first: when it was first sent, or -; token: of the last step.
local head_pattern = '^(%d+) (%d+) (%d+) ([01]) (%d+) (%S+) (%d+) (%d+) (%S+) (%S+)\n'

local function read_head(value)
  local head = {}
  head.version, head.code, head.sequence, head.sensitive, head.amount, head.currency, head.frame, head.order, head.first,
    head.token = string.match(value, head_pattern)
  return head
end

-- What a step is decided on: the version, and how far the audit trail goes, because the purge of details appends to the trail
-- and leaves the version as it is. The number is in the second line; a text in JSON cannot look like that member.
local function state_of(value, head)
  return head.version .. '.' .. (string.match(value, '^[^\n]*\n[^\n]*"audit":%[(%d+)') or '0')
end

local function write_head(head)
  return table.concat({ head.version, head.code, head.sequence, head.sensitive, head.amount, head.currency, head.frame,
    head.order, head.first, head.token }, ' ') .. '\n'
end

-- All after the first line: the mutable line, a line break, the immutable line.
local function lines_below(value)
  return string.sub(value, string.find(value, '\n', 1, true) + 1)
end
local function fixed_line(value)
  return lines_below(lines_below(value))
end

-- Codes of statuses from this one on are final.
local function is_final(code) return tonumber(code) >= 5 end

-- Notes that a record of the batch ended in this status, unless an older one waits there for its details to be purged.
local function note_end(ends, number, code, batch) redis.call('ZADD', ends, 'NX', number, code .. ':' .. batch) end

-- Appends to an audit trail: all arguments from this one on.
local function append_trail(trail, first)
  for index = first, #ARGV do redis.call('RPUSH', trail, ARGV[index]) end
end

-- The member has this score, or with '' is none of the set's.
local function set_score(set, score, member)
  if score == '' then redis.call('ZREM', set, member) else redis.call('ZADD', set, score, member) end
end
