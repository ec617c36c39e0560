-- Marks a shard as moved by an export, or finds the export that has moved it. No process that worked on it writes after that:
-- the shard has another generation then, and the former one is among those that it has taken in.
--
-- KEYS[1]  meta
-- ARGV[1]  generation of the moved ledger                                   ARGV[2]  the note of the export, JSON
-- Returns  { generation, note }
local known = redis.call('HMGET', KEYS[1], 'generation', 'state', 'moved', 'taken_in')
if known[2] == 'moved' then return { known[1], known[3] } end
local taken_in = known[4] and known[4] ~= '' and known[4] .. ' ' .. known[1] or known[1]
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'state', 'moved', 'moved', ARGV[2], 'taken_in', taken_in)
return { ARGV[1], ARGV[2] }
