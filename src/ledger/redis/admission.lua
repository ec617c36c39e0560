-- What both scripts of admission begin with: the caller decided on what it believed to stand here. If something else
-- does, nothing is written and it is told, so that he decides anew.
--
-- KEYS[2]  hash of places             KEYS[3]  the record, unless ARGV[3] is ''       KEYS[4]  hash of loose sequences
-- ARGV[2]  position                   ARGV[3]  record id, '' for none
-- ARGV[4]  version of the record believed to stand under it, '' for none
-- ARGV[5]  the loose sequence believed to be told, '0' for none
-- Returns  { 'known', counters, what became of the place or '', the record or '', loose sequence }
local told = redis.call('HGET', KEYS[2], ARGV[2])
local value, loose = false, '0'
if ARGV[3] ~= '' then
  value = redis.call('GET', KEYS[3])
  loose = redis.call('HGET', KEYS[4], ARGV[3]) or '0'
end
local standing = value and read_head(value)
if told or (standing and standing.version or '') ~= ARGV[4] or loose ~= ARGV[5] then
  return { 'known', counters, told or '', value or '', loose }
end
