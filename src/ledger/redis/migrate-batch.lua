-- Migration: notes a batch of a file that is unfinished. Begins with migrating, unfinished.
--
-- KEYS[1]  meta                        KEYS[2]  batch                       KEYS[3]  unfinished batches of files
-- KEYS[4]  batches
-- ARGV[1]  generation                  ARGV[2]  batch id
local state = redis.call('HGET', KEYS[2], 'state')
note_state(KEYS[3], redis.call('ZSCORE', KEYS[4], ARGV[2]) or '0', ARGV[2], state)
return { 'written' }
