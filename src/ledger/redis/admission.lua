-- What both scripts of admission begin with: the caller decided on what it assumed to be here. If the assumption is
-- wrong, nothing is written, and the reply holds what is here, so that the caller decides again.
--
-- KEYS[2]  hash of places             KEYS[3]  the record, unless ARGV[3] is ''       KEYS[4]  hash of loose sequences
-- ARGV[2]  position                   ARGV[3]  record id, '' for none
-- The last three keys are the buckets of packed records.
-- ARGV[4]  state of the record assumed under this id, '' for none; see head
-- ARGV[5]  the loose sequence assumed, '0' for none
-- Returns  { 'known', counters, what became of the place or '', the record or '', loose sequence }; a packed record in hex
local outcome = redis.call('HGET', KEYS[2], ARGV[2])
local value, loose = false, '0'
if ARGV[3] ~= '' then
  value = redis.call('GET', KEYS[3])
  local packed = not value and packed_in(KEYS, #KEYS - 2, ARGV[3])
  if packed then return { 'known', counters, outcome or '', to_hex(packed), '0' } end
  loose = redis.call('HGET', KEYS[4], ARGV[3]) or '0'
end
local current = value and read_head(value)
if outcome or (current and state_of(value, current) or '') ~= ARGV[4] or loose ~= ARGV[5] then
  return { 'known', counters, outcome or '', value or '', loose }
end
