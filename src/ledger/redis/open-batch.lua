-- Makes a batch, or finds it as it was pinned. One that was made by events or by a rebuild has no pins yet: it takes
-- those of the first file that names it. Begins with begin, unfinished.
--
-- KEYS[1]  meta                        KEYS[2]  batch                       KEYS[3]  batches
-- KEYS[4]  unfinished batches of files
-- ARGV[1]  generation                  ARGV[2]  batch id                    ARGV[3]  bytes
-- ARGV[4]  block digests, JSON         ARGV[5]… further fields and values of a new batch
-- Returns  { 'written' | 'known', counters }
local pins = redis.call('HMGET', KEYS[2], 'bytes', 'block_digests')
local fields = { 'bytes', ARGV[3], 'block_digests', ARGV[4] }
for index = 5, #ARGV do fields[index] = ARGV[index] end
if not pins[1] then
  local number = write()
  redis.call('HSET', KEYS[2], unpack(fields))
  redis.call('ZADD', KEYS[3], number, ARGV[2])
  note_state(KEYS[4], number, ARGV[2], redis.call('HGET', KEYS[2], 'state'))
  return { 'written', counters }
end
local pinned = pins[1] ~= '0' or pins[2] ~= '[]'
if pinned or (ARGV[3] == '0' and ARGV[4] == '[]') then return { 'known', counters } end
write()
-- How far it is and when it began stays as it is.
for index = 1, #fields, 2 do
  local field = fields[index]
  if field ~= 'state' and field ~= 'phase' and field ~= 'started_at' then redis.call('HSET', KEYS[2], field, fields[index + 1]) end
end
return { 'written', counters }
