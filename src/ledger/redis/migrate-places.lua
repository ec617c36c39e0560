-- Migration: claims the places of a range that a shard holds already, as far as no other shard has them. Begins with
-- migrating.
--
-- KEYS[1]  meta                        KEYS[2]  claims of the range
-- ARGV[1]  generation                  ARGV[2]  shard that holds them       ARGV[3]… positions
for index = 3, #ARGV do redis.call('HSETNX', KEYS[2], ARGV[index], ARGV[2]) end
return { 'written' }
