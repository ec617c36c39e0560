-- Import: sets fields of a hash, whatever they were. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  hash
-- ARGV[1]  generation                  ARGV[2]… fields and values
-- Returns  { 'written', counters }
write()
for index = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1]) end
return { 'written', counters }
