-- Sets fields of a batch; a line handed over only rises. Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  batch
-- ARGV[1]  generation                  ARGV[2]  line handed over, or ''     ARGV[3]… fields and values
-- Returns  { 'written', counter } | { 'missing', counter }: no such batch
if redis.call('EXISTS', KEYS[2]) == 0 then return { 'missing', counter } end
write()
if ARGV[2] ~= '' and tonumber(ARGV[2]) > tonumber(redis.call('HGET', KEYS[2], 'line') or '0') then
  redis.call('HSET', KEYS[2], 'line', ARGV[2])
end
for index = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1]) end
return { 'written', counter }
