-- Sets fields of a batch, if it still has the version that was read; an enqueued line only rises. Begins with begin, unfinished.
-- So a call that Redis carries out late, long after it was made again, changes nothing.
--
-- KEYS[1]  meta                        KEYS[2]  batch                       KEYS[3]  unfinished batches of files
-- ARGV[1]  generation                  ARGV[2]  version, '0' before the first change
-- ARGV[3]  token                       ARGV[4]  line enqueued, or ''        ARGV[5]  batch id
-- ARGV[6]… fields and values
-- Returns  { 'written', counters } | { 'again', counters }: it was written before | { 'moved', counters, version }
--          { 'missing', counters }: no such batch
if redis.call('EXISTS', KEYS[2]) == 0 then return { 'missing', counters } end
local current = redis.call('HMGET', KEYS[2], 'version', 'token', 'line')
local version = current[1] or '0'
if current[2] == ARGV[3] then return { 'again', counters } end
if version ~= ARGV[2] then return { 'moved', counters, version } end
local number = write()
redis.call('HSET', KEYS[2], 'version', string.format('%.0f', tonumber(version) + 1), 'token', ARGV[3])
if ARGV[4] ~= '' and tonumber(ARGV[4]) > tonumber(current[3] or '0') then redis.call('HSET', KEYS[2], 'line', ARGV[4]) end
for index = 6, #ARGV, 2 do
  -- A batch has finished once: the first time stays.
  local is_set = ARGV[index] == 'finished_at' and (redis.call('HGET', KEYS[2], 'finished_at') or '') ~= ''
  if not is_set then redis.call('HSET', KEYS[2], ARGV[index], ARGV[index + 1]) end
  if ARGV[index] == 'state' then note_state(KEYS[3], number, ARGV[5], ARGV[index + 1]) end
end
return { 'written', counters }
