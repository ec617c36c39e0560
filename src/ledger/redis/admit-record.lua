-- Creates the record of a new occurrence; it may replace a former record that left its id free.
-- An element of a group; begins with admission.
--
-- KEYS[1]   meta                       KEYS[2]   places                     KEYS[3]   record
-- KEYS[4]   loose sequences            KEYS[5]   totals of the batch        KEYS[6]   index of what is queued in it
-- KEYS[7]   open records               KEYS[8]   active batches             KEYS[9]   audit trail
-- Only when it replaces a former record:
-- KEYS[10]  its places                 KEYS[11]  its index                  KEYS[12]  its body
-- KEYS[13]  records with alerts
-- ARGV[1]   generation                 ARGV[2]   position                   ARGV[3]   record id
-- ARGV[4]   state of the former        ARGV[5]   loose sequence             ARGV[6]   version
-- ARGV[7]   sensitive, 1 or 0          ARGV[8]   amount                     ARGV[9]   currency
-- ARGV[10]  template                   ARGV[11]  token                      ARGV[12]  its second and third line
-- ARGV[13]  sequence                   ARGV[14]  position of the former, or ''
-- ARGV[15]… entries of the audit trail, which goes on where that of the former ends
-- Returns   { 'written', counters } | { 'known', … }, see admission | { 'full', counters }: a total would overflow
local amount, received, queued = value_of(ARGV[8]), '0:' .. ARGV[9], '1:' .. ARGV[9]
local known = open_books(KEYS[5], { 'n' .. received, 'a' .. received, 'n' .. queued, 'a' .. queued, 'open' })
if not (has_room(known['a' .. received], amount) and has_room(known['a' .. queued], amount)) then return { 'full', counters } end

local number = write()
if current then
  -- The former occurrence keeps its outcome.
  redis.call('HSET', KEYS[10], ARGV[14], current.code)
  redis.call('ZREM', KEYS[11], ARGV[3])
  redis.call('DEL', KEYS[12])
  redis.call('ZREM', KEYS[13], ARGV[3])
end
if loose ~= '0' then redis.call('HDEL', KEYS[4], ARGV[3]) end
redis.call('SET', KEYS[3], write_head({ version = ARGV[6], code = '1', sequence = ARGV[13], sensitive = ARGV[7], amount = ARGV[8],
  currency = ARGV[9], frame = ARGV[10], order = number, first = '-', token = ARGV[11] }) .. ARGV[12])
redis.call('HSET', KEYS[2], ARGV[2], '*')
redis.call('ZADD', KEYS[6], number, ARGV[3])
redis.call('ZADD', KEYS[7], number, ARGV[3])
count(KEYS[5], received, amount, 1)
count(KEYS[5], queued, amount, 1)
count_open(KEYS[5], KEYS[8], 1)
append_trail(KEYS[9], ARGV, 15)
return { 'written', counters }
