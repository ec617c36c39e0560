-- The books of a batch in one shard: a hash with the count (n<code>:<currency>) and amount (a<code>:<currency>) of
-- every status, received being 0; how many of its records are open; first sends, and when the first and the newest one was
-- made. What a script needs of them is read once, changed in memory, and written once, by `close_books`.
--
-- A number of Lua holds no more than 2^53: what has more than 15 digits is kept as its digits.
local books, changed_books = {}, {}

local function value_of(text) return text and (#text < 16 and text + 0 or text) or 0 end
local function digits_of(value) return type(value) == 'number' and text_of(value) or value end

-- The books with these fields read. What is not there is 0.
local function open_books(totals, fields)
  local known = books[totals]
  if not known then
    known = {}
    books[totals], changed_books[totals] = known, {}
  end
  local missing = {}
  for index = 1, #fields do
    if known[fields[index]] == nil then missing[#missing + 1] = fields[index] end
  end
  if #missing > 0 then
    local values = redis.call('HMGET', totals, unpack(missing))
    for index = 1, #missing do known[missing[index]] = value_of(values[index]) end
  end
  return known
end

local function change_book(totals, field, value)
  books[totals][field] = value
  changed_books[totals][field] = true
end

local function close_books()
  for totals, fields in pairs(changed_books) do
    local values = {}
    for field in pairs(fields) do
      values[#values + 1] = field
      values[#values + 1] = digits_of(books[totals][field])
    end
    if #values > 0 then redis.call('HSET', totals, unpack(values)) end
  end
end

-- A value in two parts that a number holds exactly: all but the last nine digits, and those.
local function parts(value)
  if type(value) == 'number' then return math.floor(value / 1000000000), value % 1000000000 end
  return tonumber(string.sub(value, 1, -10)), tonumber(string.sub(value, -9))
end

-- The sum of two values; with -1 the difference, which is not below 0.
local function sum(one, other, sign)
  if type(one) == 'number' and type(other) == 'number' then
    local both = one + sign * other
    if both < 1000000000000000 then return both end
  end
  local high, low = parts(one)
  local its_high, its_low = parts(other)
  high, low = high + sign * its_high, low + sign * its_low
  if low >= 1000000000 then high, low = high + 1, low - 1000000000 end
  if low < 0 then high, low = high - 1, low + 1000000000 end
  if high < 1000000 then return high * 1000000000 + low end
  return text_of(high) .. string.format('%09d', low)
end

-- Whether a total stays within a bound, given in two such parts.
local function fits(total, amount, most_high, most_low)
  if type(total) == 'number' and type(amount) == 'number' then return true end
  local high, low = parts(total)
  local more_high, more_low = parts(amount)
  high, low = high + more_high, low + more_low
  if low >= 1000000000 then high, low = high + 1, low - 1000000000 end
  return high < most_high or (high == most_high and low <= most_low)
end

-- Whether a total stays within 2^63 - 1, which is all that readers count.
local function has_room(total, amount) return fits(total, amount, 9223372036, 854775807) end

-- Whether so much is there to be taken away.
local function covers(total, amount)
  local high, low = parts(total)
  local its_high, its_low = parts(amount)
  return high > its_high or (high == its_high and low >= its_low)
end

-- The currency and value under which an occurrence that ends by itself is counted. What finds no room is counted as what
-- cannot be read is: in no currency, without an amount. Half of the room is kept for instructions, which need theirs.
local function countable(totals, code, currency, amount)
  local received, its = 'a0:' .. currency, 'a' .. code .. ':' .. currency
  local known, value = open_books(totals, { received, its }), value_of(amount)
  local fit = fits(known[received], value, 4611686018, 427387903) and fits(known[its], value, 4611686018, 427387903)
  if not fit then currency, value = '', 0 end
  open_books(totals, { 'n0:' .. currency, 'n' .. code .. ':' .. currency })
  return currency, value
end

-- One more, or with -1 one fewer, under `<code>:<currency>`, whose fields are read.
local function count(totals, field, amount, sign)
  local known, count_field, amount_field = books[totals], 'n' .. field, 'a' .. field
  change_book(totals, count_field, known[count_field] + sign)
  if amount ~= 0 then change_book(totals, amount_field, sum(known[amount_field], amount, sign)) end
end

-- A record of the batch was sent for the first time, at `first` (milliseconds).
local function count_send(totals, first)
  local known, time = open_books(totals, { 'sent', 'first', 'newest' }), tonumber(first)
  change_book(totals, 'sent', known['sent'] + 1)
  if known['first'] == 0 or time < tonumber(known['first']) then change_book(totals, 'first', first) end
  if time > tonumber(known['newest']) then change_book(totals, 'newest', first) end
end

-- It surely was not sent after all.
local function uncount_send(totals)
  local known = open_books(totals, { 'sent', 'first', 'newest' })
  change_book(totals, 'sent', known['sent'] - 1)
  if known['sent'] ~= 0 then return end
  redis.call('HDEL', totals, 'first', 'newest')
  known['first'], known['newest'], changed_books[totals]['first'], changed_books[totals]['newest'] = 0, 0, nil, nil
end

-- One open record more or fewer in the batch: `active` holds the totals of the batches that have any in this shard, so that
-- what is open is found without a look at every batch that ever was.
local function count_open(totals, active, change)
  local open = open_books(totals, { 'open' })['open'] + change
  change_book(totals, 'open', open)
  if change > 0 and open == change then redis.call('SADD', active, totals) end
  if open == 0 then redis.call('SREM', active, totals) end
end
