-- Rebuild: writes an occurrence that ended by itself, over nothing. Begins with begin, totals, head.
--
-- KEYS[1]   meta                       KEYS[2]   places                     KEYS[3]   loose sequences
-- KEYS[4]   totals of the batch        KEYS[5]   duplicates of the batch    KEYS[6]   record, unless ARGV[3] is ''
-- KEYS[7]   outbox, times              KEYS[8]   outbox, events
-- ARGV[1]   generation                 ARGV[2]   position                   ARGV[3]   record id, or ''
-- ARGV[4]   code                       ARGV[5]   amount, '0' for none       ARGV[6]   currency, '' for none
-- ARGV[7]   sequence                   ARGV[8]   owner                      ARGV[9]   event id, or ''
-- ARGV[10]  event
-- Returns   { 'written', counters, number of the event or '' } | { 'known', counters }
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return { 'known', counters } end
local currency, amount = countable(KEYS[4], ARGV[4], ARGV[6], ARGV[5])

local number = write()
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
-- Which record it is a duplicate of is not known, and need not be: of the one that is there in the end.
if ARGV[4] == '10' and ARGV[3] ~= '' then redis.call('ZADD', KEYS[5], number, ARGV[3] .. '::' .. ARGV[7]) end
local value = ARGV[3] ~= '' and redis.call('GET', KEYS[6])
if value then
  local head = read_head(value)
  if tonumber(ARGV[7]) > tonumber(head.sequence) then
    head.sequence = ARGV[7]
    redis.call('SET', KEYS[6], write_head(head) .. lines_below(value))
  end
elseif ARGV[3] ~= '' and tonumber(ARGV[7]) > tonumber(redis.call('HGET', KEYS[3], ARGV[3]) or '0') then
  redis.call('HSET', KEYS[3], ARGV[3], ARGV[7])
end
count(KEYS[4], '0:' .. currency, amount, 1)
count(KEYS[4], ARGV[4] .. ':' .. currency, amount, 1)
close_books()
if ARGV[9] == '' then return { 'written', counters, '' } end
tell(KEYS[7], KEYS[8], number, ARGV[8], ARGV[9], ARGV[10])
return { 'written', counters, number }
