-- The books of a batch in one shard: a hash with the count (n<code>:<currency>) and amount (a<code>:<currency>) of
-- every status, received being 0. Amounts are decimal text: a number of Lua holds no more than 2^53.

-- A sum in two parts that a number holds exactly: all but the last nine digits, and those.
local function parts(digits)
  return tonumber(string.sub(digits, 1, -10)) or 0, tonumber(string.sub(digits, -9))
end

-- Whether a total stays within a bound, given in two such parts.
local function fits(totals, code, currency, amount, most_high, most_low)
  local total = redis.call('HGET', totals, 'a' .. code .. ':' .. currency) or '0'
  local high, low = parts(total)
  local more_high, more_low = parts(amount)
  high, low = high + more_high, low + more_low
  if low >= 1000000000 then high, low = high + 1, low - 1000000000 end
  return high < most_high or (high == most_high and low <= most_low)
end

-- Whether a total stays within 2^63 - 1, which is all that HINCRBY counts.
local function has_room(totals, code, currency, amount)
  return fits(totals, code, currency, amount, 9223372036, 854775807)
end

-- The currency and amount under which an occurrence that ends by itself is counted. What finds no room is counted as what
-- cannot be read is: in no currency, without an amount. Half of the room is kept for instructions, which need theirs.
local function countable(totals, code, currency, amount)
  for _, side in ipairs({ '0', code }) do
    if not fits(totals, side, currency, amount, 4611686018, 427387903) then return '', '0' end
  end
  return currency, amount
end

-- Whether so much is there to be taken away.
local function covers(totals, code, currency, amount)
  local count = redis.call('HGET', totals, 'n' .. code .. ':' .. currency) or '0'
  local total = redis.call('HGET', totals, 'a' .. code .. ':' .. currency) or '0'
  return tonumber(count) > 0 and (#total > #amount or (#total == #amount and total >= amount))
end

local function add(totals, code, currency, amount)
  redis.call('HINCRBY', totals, 'n' .. code .. ':' .. currency, 1)
  if amount ~= '0' then redis.call('HINCRBY', totals, 'a' .. code .. ':' .. currency, amount) end
end

local function take(totals, code, currency, amount)
  redis.call('HINCRBY', totals, 'n' .. code .. ':' .. currency, -1)
  if amount ~= '0' then redis.call('HINCRBY', totals, 'a' .. code .. ':' .. currency, '-' .. amount) end
end

-- A record of the batch was sent for the first time, at `first` (milliseconds).
local function count_send(totals, first)
  redis.call('HINCRBY', totals, 'sent', 1)
  local earliest, newest = redis.call('HGET', totals, 'first'), redis.call('HGET', totals, 'newest')
  if not earliest or tonumber(first) < tonumber(earliest) then redis.call('HSET', totals, 'first', first) end
  if not newest or tonumber(first) > tonumber(newest) then redis.call('HSET', totals, 'newest', first) end
end

-- It surely was not sent after all.
local function uncount_send(totals)
  if redis.call('HINCRBY', totals, 'sent', -1) == 0 then redis.call('HDEL', totals, 'first', 'newest') end
end

-- One open record more or fewer in the batch: `active` holds the totals of the batches that have any in this shard, so that
-- what is open is found without a look at every batch that ever was.
local function count_open(totals, active, change)
  local open = redis.call('HINCRBY', totals, 'open', change)
  if change > 0 and open == change then redis.call('SADD', active, totals) end
  if open == 0 then redis.call('SREM', active, totals) end
end
