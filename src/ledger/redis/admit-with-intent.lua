-- Creates the record of a new occurrence with its intent, as admit-record and advance do one after the other. Where something
-- would refuse the intent, nothing is written. An element of a group; begins with admission.
--
-- KEYS[1]   meta                       KEYS[2]   places                     KEYS[3]   record
-- KEYS[4]   loose sequences            KEYS[5]   totals of the batch        KEYS[6]   index of what is submitting in it
-- KEYS[7]   open records               KEYS[8]   active batches             KEYS[9]   audit trail
-- KEYS[10]  queue                      KEYS[11]  body                       KEYS[12]  pauses
-- ARGV[1]   generation                 ARGV[2]   position                   ARGV[3]   record id
-- ARGV[4]   '': no former record       ARGV[5]   '0': no loose sequence     ARGV[6]   version
-- ARGV[7]   amount                     ARGV[8]   currency                   ARGV[9]   template
-- ARGV[10]  token                      ARGV[11]  its second and third line  ARGV[12]  first sent
-- ARGV[13]  score in the queue         ARGV[14]  attempt, line break and sealed bytes
-- ARGV[15]  batch id                   ARGV[16]… entries of the audit trail
-- Returns   { 'written', counters } | { 'known', … }, see admission
--           { 'not_now', counters }: paused, held, more must be granted of the limit of the day, or a total would overflow
if pause_of(KEYS[12], ARGV[15]) or hold_of(KEYS[5], ARGV[15]) then return { 'not_now', counters } end
local amount, day_field, day_text = value_of(ARGV[7]), nil, nil
if limit_of(ARGV[8]) then
  day_field, day_text = with_day(ARGV[8], amount)
  if not day_field then return { 'not_now', counters } end
end
local received, submitting = '0:' .. ARGV[8], '2:' .. ARGV[8]
local totals = open_books(KEYS[5],
  { 'n' .. received, 'a' .. received, 'n' .. submitting, 'a' .. submitting, 'open', 'sent', 'first', 'newest' })
if not (has_room(totals['a' .. received], amount) and has_room(totals['a' .. submitting], amount)) then
  return { 'not_now', counters }
end

local number = write()
redis.call('SET', KEYS[3], write_head({ version = ARGV[6], code = '2', sequence = '0', sensitive = '0', amount = ARGV[7],
  currency = ARGV[8], frame = ARGV[9], order = number, first = ARGV[12], token = ARGV[10] }) .. ARGV[11])
redis.call('HSET', KEYS[2], ARGV[2], '*')
redis.call('ZADD', KEYS[6], number, ARGV[3])
redis.call('ZADD', KEYS[7], number, ARGV[3])
redis.call('ZADD', KEYS[10], ARGV[13], ARGV[3])
count(KEYS[5], received, amount, 1)
count(KEYS[5], submitting, amount, 1)
count_open(KEYS[5], KEYS[8], 1)
count_send(KEYS[5], ARGV[12])
if day_field then redis.call('HSET', KEYS[1], day_field, day_text) end
append_trail(KEYS[9], ARGV, 16)
redis.call('SET', KEYS[11], ARGV[14])
return { 'written', counters }
