-- Packs the claim of a session: of its id only a hash is kept. Begins with begin, packed, packed-claims.
--
-- KEYS[1]  meta                        KEYS[2]  sessions                    KEYS[3]  KEYS[4]  KEYS[5]  buckets of packed claims
-- ARGV[1]  generation                  ARGV[2]  session id, '' when only its hash is known
-- ARGV[3]  record id                   ARGV[4]  field of its packed claim   ARGV[5]  rest of its hash
-- ARGV[6]  how the claim names the record
-- Returns  { 'written', counters } | { 'known', counters }: it is packed, or is another record's, or its hash is another session's
local holder = ARGV[2] ~= '' and redis.call('HGET', KEYS[2], ARGV[2])
local packed, is_other = claim_in(KEYS, 3, ARGV[4], ARGV[5])
if is_other or (holder and holder ~= ARGV[3]) or (packed and (packed ~= ARGV[6] or not holder)) then return { 'known', counters } end
write()
if not packed then put_packed(KEYS, 3, ARGV[4], ARGV[5] .. ARGV[6]) end
if holder then redis.call('HDEL', KEYS[2], ARGV[2]) end
return { 'written', counters }
