-- Claims places of one file, each for the shard that is to hold it, forever. An element of a group.
--
-- KEYS[1]  meta                        KEYS[2]  claims of a range of places
-- ARGV[1]  generation                  ARGV[2]… position, shard, position, shard, …
-- Returns  { 'written', counters, shard that has the first position, shard that has the second, … }
local answer, is_new = { 'written', '' }, false
for index = 2, #ARGV, 2 do
  local holder = redis.call('HGET', KEYS[2], ARGV[index])
  if not holder then
    if not is_new then write() end
    is_new, holder = true, ARGV[index + 1]
    redis.call('HSET', KEYS[2], ARGV[index], holder)
  end
  answer[#answer + 1] = holder
end
answer[2] = counters
return answer
