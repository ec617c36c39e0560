-- Takes the offset and the barrier of another shard, which noticed that Redis TIME went back; see begin. Begins with begin.
--
-- KEYS[1]  meta
-- ARGV[1]  generation                  ARGV[2]  offset, ms                  ARGV[3]  barrier, ms
-- Returns  { 'written' | 'known', counters }
if tonumber(ARGV[2]) <= offset then return { 'known', counters } end
offset, barrier = tonumber(ARGV[2]), math.max(barrier, tonumber(ARGV[3]))
offset_text = string.format('%.3f', offset)
write()
redis.call('HSET', KEYS[1], 'offset', offset_text, 'barrier', string.format('%.3f', barrier))
return { 'written', counters }
