-- Import: writes a record as another ledger had it; never overwrites one. Begins with begin, totals, head, packed.
--
-- KEYS[1]   meta                       KEYS[2]   places                     KEYS[3]   record
-- KEYS[4]   totals of the batch        KEYS[5]   its index                  KEYS[6]   open records
-- KEYS[7]   queue                      KEYS[8]   due records of the batch   KEYS[9]   body
-- KEYS[10]  ends                       KEYS[11]  active batches             KEYS[12]  audit trail
-- KEYS[13]  records with alerts           KEYS[14]  KEYS[15]  KEYS[16]  buckets of packed records
-- ARGV[1]   generation                 ARGV[2]   position                   ARGV[3]   record id
-- ARGV[4]   version                    ARGV[5]   code                       ARGV[6]   sensitive, 1 or 0
-- ARGV[7]   amount                     ARGV[8]   currency                   ARGV[9]   frame
-- ARGV[10]  first sent, or -           ARGV[11]  token                      ARGV[12]  second and third line
-- ARGV[13]  score in the queue, or ''  ARGV[14]  score in the due records, or ''
-- ARGV[15]  attempt, line break, sealed body; or ''                         ARGV[16]  when it is erased, or ''
-- ARGV[17]  sequence                   ARGV[18]  batch id                   ARGV[19]  1 with an alert, else ''
-- ARGV[20]  time of its admission as a number without shard, or ''          ARGV[21]  that of its status, or ''
-- ARGV[22]… entries of the audit trail
-- Returns   { 'written' | 'known' | 'full', counters }
if redis.call('EXISTS', KEYS[3]) == 1 or packed_in(KEYS, 14, ARGV[3]) then return { 'known', counters } end
local code, amount, currency = ARGV[5], ARGV[7], ARGV[8]
local minor, received, its = value_of(amount), '0:' .. currency, code .. ':' .. currency
local known = open_books(KEYS[4], { 'n' .. received, 'a' .. received, 'n' .. its, 'a' .. its })
if not (has_room(known['a' .. received], minor) and has_room(known['a' .. its], minor)) then return { 'full', counters } end

-- The first number from the wanted one on that no member of the set has: a list continues behind a number.
local function free_number(set, wanted, otherwise)
  if wanted == '' then return otherwise end
  local next_one, step = number_step * 16, number_step * 16000
  local number = math.floor(tonumber(wanted) / number_step) * next_one + tonumber(meta[4])
  while true do
    local last = redis.call('ZREVRANGEBYSCORE', set, string.format('%.0f', number + step - next_one), string.format('%.0f', number), 'WITHSCORES', 'LIMIT', 0, 1)
    if not last[2] then return string.format('%.0f', number) end
    local next_number = tonumber(last[2]) + next_one
    if next_number < number + step then return string.format('%.0f', next_number) end
    number = number + step
  end
end

local number = write()
local order, since = free_number(KEYS[6], ARGV[20], number), free_number(KEYS[5], ARGV[21], number)
redis.call('SET', KEYS[3], write_head({ version = ARGV[4], code = code, sequence = ARGV[17], sensitive = ARGV[6], amount = amount,
  currency = currency, frame = ARGV[9], order = order, first = ARGV[10], token = ARGV[11] }) .. ARGV[12])
redis.call('HSET', KEYS[2], ARGV[2], '*')
redis.call('ZADD', KEYS[5], since, ARGV[3])
if not is_final(code) then
  redis.call('ZADD', KEYS[6], order, ARGV[3])
  count_open(KEYS[4], KEYS[11], 1)
else
  local member = code .. ':' .. ARGV[18]
  local noted = redis.call('ZSCORE', KEYS[10], member)
  if not noted or tonumber(noted) > tonumber(since) then redis.call('ZADD', KEYS[10], since, member) end
end
set_score(KEYS[7], ARGV[13], ARGV[3])
set_score(KEYS[8], ARGV[14], ARGV[3])
set_score(KEYS[13], ARGV[19] ~= '' and order or '', ARGV[3])
append_trail(KEYS[12], ARGV, 22)
if ARGV[15] ~= '' then
  redis.call('SET', KEYS[9], ARGV[15])
  if ARGV[16] ~= '' then redis.call('PEXPIREAT', KEYS[9], ARGV[16]) end
end
count(KEYS[4], received, minor, 1)
count(KEYS[4], its, minor, 1)
close_books()
return { 'written', counters }
