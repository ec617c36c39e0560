-- Migration: notes the first final record of a batch and status whose details are not purged. Begins with migrating.
--
-- KEYS[1]  meta                        KEYS[2]  index of the batch and status
-- KEYS[3]  ends                        KEYS[4]  marks up to which details were purged
-- ARGV[1]  generation                  ARGV[2]  <code>:<batch id>
local mark = redis.call('HGET', KEYS[4], ARGV[2])
local first = redis.call('ZRANGEBYSCORE', KEYS[2], mark and '(' .. mark or '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if first[2] then redis.call('ZADD', KEYS[3], first[2], ARGV[2]) end
return { 'written' }
