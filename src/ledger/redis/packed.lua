-- Packed records and packed claims of sessions: many share a hash, which Redis keeps in its compact form while it is small.
-- What belongs into one of the first two buckets and finds it full goes into the next one; the third has the most siblings.
local bucket_size = 128

-- The packed value of the field in one of the three buckets from this key on, and the number of the key.
local function packed_in(keys, first, field)
  for index = first, first + 2 do
    local value = redis.call('HGET', keys[index], field)
    if value then return value, index end
  end
  return nil
end

-- Returns the number of the key.
local function put_packed(keys, first, field, value)
  local index = first
  while index < first + 2 and redis.call('HLEN', keys[index]) >= bucket_size do index = index + 1 end
  redis.call('HSET', keys[index], field, value)
  return index
end

-- Bytes as text that every reply carries unchanged.
local function to_hex(bytes)
  return 'packed:' .. string.gsub(bytes, '.', function(byte) return string.format('%02x', string.byte(byte)) end)
end
