-- Purges the details of a final record that cannot be packed. Begins with begin, head.
--
-- KEYS[1]  meta                        KEYS[2]  record                      KEYS[3]  audit trail
-- ARGV[1]  generation                  ARGV[2]  state                       ARGV[3]  second and third line
-- ARGV[4]… the entry that takes the place of the trail, if there is one
-- Returns  { 'written', counters } | { 'again', counters }: this call, or one like it, was carried out before
--          { 'moved', counters }: it changed meanwhile, or another instance has purged it
local value = redis.call('GET', KEYS[2])
local head = value and read_head(value)
if not head or state_of(value, head) ~= ARGV[2] or not is_final(head.code) then
  return { head and lines_below(value) == ARGV[3] and 'again' or 'moved', counters }
end
write()
redis.call('SET', KEYS[2], write_head(head) .. ARGV[3])
redis.call('DEL', KEYS[3])
append_trail(KEYS[3], ARGV, 4)
return { 'written', counters }
