-- Writes one change of a record, with everything that changes with it. An element of a group.
--
-- KEYS[1]   meta                       KEYS[2]   record                     KEYS[3]   totals of the batch
-- KEYS[4]   open records               KEYS[5]   queue                      KEYS[6]   due records of the batch
-- KEYS[7]   body                       KEYS[8]   outbox, times              KEYS[9]   outbox, events
-- KEYS[10]  ends                      KEYS[11]  active batches
-- KEYS[12]  audit trail                KEYS[13]  records with alerts        KEYS[14]  pauses
-- KEYS[15]… indexes of the batch: of the status before and of the one after; or of all statuses, in the order of their codes,
--           from 1
-- ARGV[1]   generation                 ARGV[2]   state it was decided on    ARGV[3]   token
-- ARGV[4]   record id                  ARGV[5]   amount                     ARGV[6]   currency
-- ARGV[7]   frame                      ARGV[8]   code                       ARGV[9]   first sent, or -
-- ARGV[10]  second line                ARGV[11]  score in the queue, or ''  ARGV[12]  score in the due records, or ''
-- ARGV[13]  the body: keep, erase, ''  ARGV[14]  attempt, line break and sealed bytes; or when it is to be erased
-- ARGV[15]  owner                      ARGV[16]  event id, or ''            ARGV[17]  event
-- ARGV[18]  sequence                   ARGV[19]  '' unless it is an intent: time of one call, wall clock of the caller,
--                                      key lifetime of the first send or -, wall clock of its sender or -; milliseconds
-- ARGV[20]  batch id                   ARGV[21]  1 with an alert that is not acknowledged, else ''
-- ARGV[22]  code of the status before, or '' with the indexes of all statuses
-- ARGV[23]… entries of the audit trail
-- Returns   { 'written', counters, number of the event or '' } | { 'again', counters }: it was written before
--           { 'moved', counters, record }: it is in another state | { 'missing', counters }
--           { 'paused', counters, record, pause }: an intent, and its batch or everything is paused
--           { 'held', counters, record, 'approval' or a time }: an intent that the terms of its batch do not let pass yet
--           { 'day_full', counters, record, day, sum }: a first send, for which the shard must be granted so much of the day
--           { 'changed', counters }: amount, currency, batch or the status before differ, the sequence falls, or a body that
--           holds a card number is to be kept
--           { 'too_old', counters, record }: a resend whose key the gateway may have forgotten
--           { 'full', counters }: a total would overflow | { 'books', counters }: the totals do not hold what is moved
local value = redis.call('GET', KEYS[2])
if not value then return { 'missing', counters } end
local head = read_head(value)
if head.token == ARGV[3] then return { 'again', counters } end
if state_of(value, head) ~= ARGV[2] then return { 'moved', counters, value } end
if head.amount ~= ARGV[5] or head.currency ~= ARGV[6] or head.frame ~= ARGV[7] then return { 'changed', counters } end
if ARGV[22] ~= '' and head.code ~= ARGV[22] then return { 'changed', counters } end
if head.sequence ~= ARGV[18] and head.sequence + 0 > ARGV[18] + 0 then return { 'changed', counters } end
if ARGV[13] == 'keep' and head.sensitive == '1' then return { 'changed', counters } end
if ARGV[19] ~= '' then
  local pause = pause_of(KEYS[14], ARGV[20])
  if pause then return { 'paused', counters, value, pause } end
  local hold = hold_of(KEYS[3], ARGV[20])
  if hold then return { 'held', counters, value, hold } end
  if head.first ~= '-' and is_too_old(head.first, ARGV[19]) then return { 'too_old', counters, value } end
end
local day_field, day_text, day_sum
if ARGV[19] ~= '' and head.first == '-' and limit_of(head.currency) then
  day_field, day_text, day_sum = with_day(head.currency, value_of(head.amount))
  if not day_field then return { 'day_full', counters, value, day_text, day_sum } end
end
local before, after = head.code, ARGV[8]
local amount, from, to = value_of(head.amount), before .. ':' .. head.currency, after .. ':' .. head.currency
local is_moved, was_final, is_last = before ~= after, is_final(before), is_final(after)
if is_moved then
  local fields = { 'n' .. from, 'a' .. from, 'n' .. to, 'a' .. to, 'open' }
  if head.first == '-' then fields[6], fields[7], fields[8] = 'sent', 'first', 'newest' end
  local known = open_books(KEYS[3], fields)
  if known['n' .. from] < 1 or not covers(known['a' .. from], amount) then return { 'books', counters } end
  if not has_room(known['a' .. to], amount) then return { 'full', counters } end
end

local number = write()
local id = ARGV[4]
if is_moved then
  count(KEYS[3], from, amount, -1)
  count(KEYS[3], to, amount, 1)
  redis.call('ZREM', ARGV[22] == '' and KEYS[14 + before] or KEYS[15], id)
end
-- In the order of their coming to a status; what is final, of the last change.
if is_moved or is_last then redis.call('ZADD', ARGV[22] == '' and KEYS[14 + after] or KEYS[16], number, id) end
if is_last then note_end(KEYS[10], number, after, ARGV[20]) end
if was_final ~= is_last then
  set_score(KEYS[4], is_last and '' or head.order, id)
  count_open(KEYS[3], KEYS[11], is_last and -1 or 1)
end
if head.first == '-' and ARGV[9] ~= '-' then count_send(KEYS[3], ARGV[9]) end
if head.first ~= '-' and ARGV[9] == '-' then uncount_send(KEYS[3]) end
if day_field then redis.call('HSET', KEYS[1], day_field, day_text) end
if before == '2' and head.first ~= '-' and ARGV[9] == '-' then take_from_day(head.currency, amount, head.first) end
-- What the record does not say it is in, it is not in.
local submitting = '2'
local was_due = string.find(value, '"due":', 1, true)
if ARGV[11] ~= '' or was_due or before == submitting then set_score(KEYS[5], ARGV[11], id) end
if ARGV[12] ~= '' or was_due then set_score(KEYS[6], ARGV[12], id) end
if ARGV[21] ~= '' or string.find(value, '"alerts":', 1, true) then set_score(KEYS[13], ARGV[21] ~= '' and head.order or '', id) end
append_trail(KEYS[12], ARGV, 23)
if ARGV[13] == 'keep' then redis.call('SET', KEYS[7], ARGV[14]) end
if ARGV[13] == 'erase' then redis.call('PEXPIREAT', KEYS[7], ARGV[14]) end

local fixed = fixed_line(value)
head.version = text_of(head.version + 1)
head.code, head.sequence, head.first, head.token = after, ARGV[18], ARGV[9], ARGV[3]
redis.call('SET', KEYS[2], write_head(head) .. ARGV[10] .. '\n' .. fixed)
if ARGV[16] == '' then return { 'written', counters, '' } end
tell(KEYS[8], KEYS[9], number, ARGV[15], ARGV[16], ARGV[17])
return { 'written', counters, number }
