-- Gives back slots that were surely not used. Only while they are the last ones of the schedule: the slots of others
-- stay where they are, and a given-back slot begins where it began before, so no two come nearer to each other.
--
-- KEYS[1]  the limiter's hash
-- ARGV[1]  base of the schedule the slots belong to
-- ARGV[2]  number of the first slot given back, counted from the base
-- ARGV[3]  number after the last one
-- Returns  1 when they were taken back, 0 when others came after them or the schedule is another one
local state = redis.call('HMGET', KEYS[1], 'base', 'count')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], 'count', ARGV[2])
return 1
