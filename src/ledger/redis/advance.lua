-- Writes one change of a record, with everything that changes with it. Begins with begin, totals, head.
--
-- KEYS[1]   meta                       KEYS[2]   record                     KEYS[3]   totals of the batch
-- KEYS[4]   open records               KEYS[5]   queue                      KEYS[6]   due records of the batch
-- KEYS[7]   body                       KEYS[8]   outbox, times              KEYS[9]   outbox, events
-- KEYS[10]  ends                      KEYS[11]  active batches
-- KEYS[12]  audit trail                KEYS[13]  records with alerts        KEYS[14]  pauses
-- KEYS[15]… indexes of the batch by status, in the order of their codes, from 1
-- ARGV[1]   generation                 ARGV[2]   state it was decided on    ARGV[3]   token
-- ARGV[4]   record id                  ARGV[5]   amount                     ARGV[6]   currency
-- ARGV[7]   frame                      ARGV[8]   code                       ARGV[9]   first sent, or -
-- ARGV[10]  second line                ARGV[11]  score in the queue, or ''  ARGV[12]  score in the due records, or ''
-- ARGV[13]  the body: keep, erase, ''  ARGV[14]  attempt, line break and sealed bytes; or when it is to be erased
-- ARGV[15]  owner                      ARGV[16]  event id, or ''            ARGV[17]  event
-- ARGV[18]  sequence                   ARGV[19]  '' unless it is an intent: time of one call, wall clock of the caller,
--                                      key lifetime of the first send or -, wall clock of its sender or -; milliseconds
-- ARGV[20]  batch id                   ARGV[21]  1 with an alert that is not acknowledged, else ''
-- ARGV[22]… entries of the audit trail
-- Returns   { 'written', counters, number of the event or '' } | { 'again', counters }: it was written before
--           { 'moved', counters, record }: it is in another state | { 'missing', counters }
--           { 'paused', counters, record, pause }: an intent, and its batch or everything is paused
--           { 'changed', counters }: amount, currency or batch differ, the sequence falls, or a body that holds a card
--           number is to be kept
--           { 'too_old', counters, record }: a resend whose key the gateway may have forgotten
--           { 'full', counters }: a total would overflow | { 'books', counters }: the totals do not hold what is moved

-- A send is dated by the lowest clock at hand and aged by the highest: one that was set back, or did not count a
-- suspension, makes its key seem younger than it is.
local function is_too_old(first, intent)
  local margin, wall, lifetime, sent_wall = string.match(intent, '^(%S+) (%S+) (%S+) (%S+)$')
  if lifetime == '-' or sent_wall == '-' or tonumber(first) <= barrier then return true end
  local age = math.max(now, tonumber(wall)) - math.min(tonumber(first), tonumber(sent_wall)) + clock_tolerance_ms
  return age >= tonumber(lifetime) - tonumber(margin)
end

local value = redis.call('GET', KEYS[2])
if not value then return { 'missing', counters } end
local head = read_head(value)
if head.token == ARGV[3] then return { 'again', counters } end
if state_of(value, head) ~= ARGV[2] then return { 'moved', counters, value } end
if head.amount ~= ARGV[5] or head.currency ~= ARGV[6] or head.frame ~= ARGV[7] then return { 'changed', counters } end
if tonumber(head.sequence) > tonumber(ARGV[18]) then return { 'changed', counters } end
if ARGV[13] == 'keep' and head.sensitive == '1' then return { 'changed', counters } end
if ARGV[19] ~= '' then
  local pauses = redis.call('HMGET', KEYS[14], '', ARGV[20])
  -- As `pauseOf` says: of its own and that of everything, `cancelled` counts first.
  local is_cancelled = pauses[2] and string.find(pauses[2], '"code":"cancelled"', 1, true)
  local pause = is_cancelled and pauses[2] or pauses[1] or pauses[2]
  if pause then return { 'paused', counters, value, pause } end
end
if ARGV[19] ~= '' and head.first ~= '-' and is_too_old(head.first, ARGV[19]) then return { 'too_old', counters, value } end
local before, after = head.code, ARGV[8]
if before ~= after then
  if not covers(KEYS[3], before, head.currency, head.amount) then return { 'books', counters } end
  if not has_room(KEYS[3], after, head.currency, head.amount) then return { 'full', counters } end
end

local number = write()
local id = ARGV[4]
if before ~= after then
  take(KEYS[3], before, head.currency, head.amount)
  add(KEYS[3], after, head.currency, head.amount)
  redis.call('ZREM', KEYS[14 + tonumber(before)], id)
end
-- In the order of their coming to a status; what is final, of the last change.
if before ~= after or is_final(after) then redis.call('ZADD', KEYS[14 + tonumber(after)], number, id) end
if is_final(after) then note_end(KEYS[10], number, after, ARGV[20]) end
if is_final(before) ~= is_final(after) then
  set_score(KEYS[4], is_final(after) and '' or head.order, id)
  count_open(KEYS[3], KEYS[11], is_final(after) and -1 or 1)
end
if head.first == '-' and ARGV[9] ~= '-' then count_send(KEYS[3], ARGV[9]) end
if head.first ~= '-' and ARGV[9] == '-' then uncount_send(KEYS[3]) end
set_score(KEYS[5], ARGV[11], id)
set_score(KEYS[6], ARGV[12], id)
set_score(KEYS[13], ARGV[21] ~= '' and head.order or '', id)
append_trail(KEYS[12], 22)
if ARGV[13] == 'keep' then redis.call('SET', KEYS[7], ARGV[14]) end
if ARGV[13] == 'erase' then redis.call('PEXPIREAT', KEYS[7], ARGV[14]) end

local fixed = fixed_line(value)
head.version = string.format('%.0f', tonumber(head.version) + 1)
head.code, head.sequence, head.first, head.token = after, ARGV[18], ARGV[9], ARGV[3]
redis.call('SET', KEYS[2], write_head(head) .. ARGV[10] .. '\n' .. fixed)
if ARGV[16] == '' then return { 'written', counters, '' } end
tell(KEYS[8], KEYS[9], number, ARGV[15], ARGV[16], ARGV[17])
return { 'written', counters, number }
