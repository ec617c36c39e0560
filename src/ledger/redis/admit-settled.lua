-- Writes an occurrence that ends by itself: rejected, duplicate or conflict. If the totals have no room for its
-- amount, it is counted without it. An element of a group; begins with admission.
--
-- KEYS[1]   meta                       KEYS[2]   places                     KEYS[3]   record under its id
-- KEYS[4]   loose sequences            KEYS[5]   totals of the batch        KEYS[6]   outbox, times
-- KEYS[7]   outbox, events             KEYS[8]   duplicates of the batch    KEYS[9]   index of the record
-- KEYS[10]  audit trail of the record
-- ARGV[1]   generation                 ARGV[2]   position                   ARGV[3]   record id, '' for none
-- ARGV[4]   state of the record        ARGV[5]   loose sequence             ARGV[6]   code
-- ARGV[7]   amount, '0' for none       ARGV[8]   currency, '' for none      ARGV[9]   sequence
-- ARGV[10]  token                      ARGV[11]  owner                      ARGV[12]  event id
-- ARGV[13]  event                      ARGV[14]  second line of the record, '' without one
-- ARGV[15]… entries of its audit trail
-- Returns   { 'written', counters, number of the event } | { 'known', … }, see admission
local currency, amount = countable(KEYS[5], ARGV[6], ARGV[8], ARGV[7])

local number = write()
if current then
  if ARGV[6] == '10' then redis.call('ZADD', KEYS[8], number, ARGV[3] .. ':' .. current.order .. ':' .. ARGV[9]) end
  current.version = text_of(current.version + 1)
  current.sequence = ARGV[9]
  redis.call('SET', KEYS[3], write_head(current) .. ARGV[14] .. '\n' .. fixed_line(value))
  append_trail(KEYS[10], ARGV, 15)
  -- The index of what is final is in the order of the last change.
  if is_final(current.code) then redis.call('ZADD', KEYS[9], number, ARGV[3]) end
elseif ARGV[3] ~= '' then
  redis.call('HSET', KEYS[4], ARGV[3], ARGV[9])
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[6] .. ':' .. ARGV[10])
count(KEYS[5], '0:' .. currency, amount, 1)
count(KEYS[5], ARGV[6] .. ':' .. currency, amount, 1)
tell(KEYS[6], KEYS[7], number, ARGV[11], ARGV[12], ARGV[13])
return { 'written', counters, number }
