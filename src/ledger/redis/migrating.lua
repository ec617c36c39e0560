-- What every step of a migration begins with: a process that comes late finds the ledger in use, and changes nothing.
--
-- KEYS[1]  the shard's meta hash       ARGV[1]  generation
local found = redis.call('HMGET', KEYS[1], 'generation', 'state')
if found[1] ~= ARGV[1] or found[2] ~= 'migrating' then return { 'over' } end
