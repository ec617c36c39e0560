-- Rebuild: writes a record as results and instructions show it; never overwrites one. Begins with begin, totals, head, packed.
--
-- KEYS[1]   meta                       KEYS[2]   places                     KEYS[3]   record
-- KEYS[4]   loose sequences            KEYS[5]   totals of the batch        KEYS[6]   its index
-- KEYS[7]   open records               KEYS[8]   queue                      KEYS[9]   due records of the batch
-- KEYS[10]  body                       KEYS[11]  outbox, times              KEYS[12]  outbox, events
-- KEYS[13]  ends                       KEYS[14]  active batches             KEYS[15]  audit trail
-- KEYS[16]  records with alerts           KEYS[17]  KEYS[18]  KEYS[19]  buckets of packed records
-- ARGV[1]   generation                 ARGV[2]   position                   ARGV[3]   record id
-- ARGV[4]   version                    ARGV[5]   code                       ARGV[6]   sensitive, 1 or 0
-- ARGV[7]   amount                     ARGV[8]   currency                   ARGV[9]   frame
-- ARGV[10]  first sent, or -           ARGV[11]  token                      ARGV[12]  second and third line
-- ARGV[13]  score in the queue, or ''  ARGV[14]  score in the due records, or ''
-- ARGV[15]  attempt, line break, sealed body; or ''                         ARGV[16]  owner
-- ARGV[17]  event id, or ''            ARGV[18]  event                      ARGV[19]  sequence
-- ARGV[20]  batch id                   ARGV[21]  1 with an alert that is not acknowledged, else ''
-- ARGV[22]… entries of the audit trail
-- Returns   { 'written', counters, number of the event or '' } | { 'known', counters } | { 'again', counters }
--           { 'full', counters }
local value = redis.call('GET', KEYS[3])
if value then return { read_head(value).token == ARGV[11] and 'again' or 'known', counters } end
if packed_in(KEYS, 17, ARGV[3]) or redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then return { 'known', counters } end
local code, amount, currency = ARGV[5], ARGV[7], ARGV[8]
local minor, received, its = value_of(amount), '0:' .. currency, code .. ':' .. currency
local known = open_books(KEYS[5], { 'n' .. received, 'a' .. received, 'n' .. its, 'a' .. its })
if not (has_room(known['a' .. received], minor) and has_room(known['a' .. its], minor)) then return { 'full', counters } end

local loose, sequence = redis.call('HGET', KEYS[4], ARGV[3]) or '0', ARGV[19]
if tonumber(loose) > tonumber(sequence) then sequence = loose end

local number = write()
redis.call('HDEL', KEYS[4], ARGV[3])
redis.call('SET', KEYS[3], write_head({ version = ARGV[4], code = code, sequence = sequence, sensitive = ARGV[6], amount = amount,
  currency = currency, frame = ARGV[9], order = number, first = ARGV[10], token = ARGV[11] }) .. ARGV[12])
redis.call('HSET', KEYS[2], ARGV[2], '*')
redis.call('ZADD', KEYS[6], number, ARGV[3])
if is_final(code) then
  note_end(KEYS[13], number, code, ARGV[20])
else
  redis.call('ZADD', KEYS[7], number, ARGV[3])
  count_open(KEYS[5], KEYS[14], 1)
end
set_score(KEYS[8], ARGV[13], ARGV[3])
set_score(KEYS[9], ARGV[14], ARGV[3])
set_score(KEYS[16], ARGV[21] ~= '' and number or '', ARGV[3])
append_trail(KEYS[15], ARGV, 22)
if ARGV[15] ~= '' then redis.call('SET', KEYS[10], ARGV[15]) end
count(KEYS[5], received, minor, 1)
count(KEYS[5], its, minor, 1)
if ARGV[10] ~= '-' then count_send(KEYS[5], ARGV[10]) end
close_books()
if ARGV[17] == '' then return { 'written', counters, '' } end
tell(KEYS[11], KEYS[12], number, ARGV[16], ARGV[17], ARGV[18])
return { 'written', counters, number }
