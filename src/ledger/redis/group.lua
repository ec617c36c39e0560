-- Carries out calls of one shard that wait together, each of which checks everything before its first write. One that fails
-- changes nothing of the others. Ends with what its calls share; begins with begin, totals, head, intent and the calls.
--
-- KEYS[1]  meta                        KEYS[2]… the keys of the calls, one after another
-- ARGV[1]  generation                  ARGV[2]  how many calls
-- ARGV[3]… of each call: its name, how many keys, how many arguments, and the arguments
-- Returns  { 'group', counters, the answer of each call, … }
calls_here = tonumber(ARGV[2])
local answers, key_at, at = { 'group', '' }, 2, 3
for index = 1, calls_here do
  local name, key_count, argument_count = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local keys = { KEYS[1], unpack(KEYS, key_at, key_at + key_count - 1) }
  local arguments = { ARGV[1], unpack(ARGV, at + 3, at + 2 + argument_count) }
  local is_done, answer = pcall(calls[name], keys, arguments)
  if not is_done and type(answer) ~= 'table' then answer = redis.error_reply(answer) end
  answers[index + 2] = answer
  key_at, at = key_at + key_count, at + 3 + argument_count
end
close_books()
answers[2] = counters
return answers
