-- Carries out calls of one shard that wait together, each of which checks everything before its first write. One that fails
-- changes nothing of the others. Ends with what its calls share; begins with begin, totals, head, intent and the calls.
--
-- KEYS[1]  meta                        KEYS[2]… the keys of the calls, each one once
-- ARGV[1]  generation                  ARGV[2]  how many calls
-- ARGV[3]… of each call: its name, its keys, how many arguments, and the arguments. Its keys are one character each, whose
--          code is the number of the key: calls have most of their keys in common
-- Returns  the answers of the calls, with RS between them, and US between what each consists of; of one that failed 'failed'
--          and the message. None of it has such characters: it is JSON, or printable. One text leaves Redis in one piece, a
--          table in as many as there are tables.
calls_here = tonumber(ARGV[2])
local answers, at = {}, 3
for index = 1, calls_here do
  local name, argument_count = ARGV[at], ARGV[at + 2] + 0
  local keys = { 1, string.byte(ARGV[at + 1], 1, -1) }
  for number = 1, #keys do keys[number] = KEYS[keys[number]] end
  local arguments = { ARGV[1], unpack(ARGV, at + 3, at + 2 + argument_count) }
  local is_done, answer = pcall(calls[name], keys, arguments)
  if not is_done then answer = { 'failed', type(answer) == 'table' and answer.err or tostring(answer) } end
  answers[index] = table.concat(answer, '\31')
  at = at + 3 + argument_count
end
close_books()
return table.concat(answers, '\30')
