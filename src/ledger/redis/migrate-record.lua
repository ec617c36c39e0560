-- Migration: replaces a record, if it is still the one that was read. Begins with migrating.
--
-- KEYS[1]  meta                        KEYS[2]  record
-- ARGV[1]  generation                  ARGV[2]  the record as it was read   ARGV[3]  as it is to be
if redis.call('GET', KEYS[2]) == ARGV[2] then redis.call('SET', KEYS[2], ARGV[3]) end
return { 'written' }
