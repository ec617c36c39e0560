-- Migration: claims a session for one record. Begins with migrating.
--
-- KEYS[1]  meta                        KEYS[2]  sessions
-- ARGV[1]  generation                  ARGV[2]  session id                  ARGV[3]  record id
-- ARGV[4]  the record id that has it and is to lose it, or ''
-- Returns  { 'written', record id that has it now }
local holder = redis.call('HGET', KEYS[2], ARGV[2])
if holder and holder ~= ARGV[4] then return { 'written', holder } end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
return { 'written', ARGV[3] }
