-- Takes the offset and the barrier of another shard, which noticed that Redis TIME went back; see begin. Begins with begin.
--
-- KEYS[1]  meta
-- ARGV[1]  generation                  ARGV[2]  offset, ms                  ARGV[3]  barrier, ms
-- Returns  { 'written' | 'known', counters }
if tonumber(ARGV[2]) <= offset then return { 'known', counters } end
offset, barrier = tonumber(ARGV[2]), math.max(barrier, tonumber(ARGV[3]))
went_back = true
write()
return { 'written', counters }
