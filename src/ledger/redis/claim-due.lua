-- Claims records that are due, the longest due first, and hides them from other instances for the lease.
-- Begins with begin.
--
-- KEYS[1]  meta                        KEYS[2]  queue
-- ARGV[1]  generation                  ARGV[2]  lease, ms                   ARGV[3]  at most
-- Returns  { 'written', counters, when the next one falls due or '', record id, … }
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_ms, 'LIMIT', 0, ARGV[3])
if #ids > 0 then write() end
local lease_until = string.format('%.3f', tonumber(now_ms) + tonumber(ARGV[2]))
for _, id in ipairs(ids) do redis.call('ZADD', KEYS[2], lease_until, id) end
local next_one = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return { 'written', counters, next_one[2] or '', unpack(ids) }
