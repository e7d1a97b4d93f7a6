"""What changes a job in Redis, as one: Lua, so that nothing comes between."""

# Keep a new record, unless its idempotency key leads elsewhere (then say where) or too many wait
# and run. Repeated after a lost reply it finds itself done.
ADD = """
local record, queued, held, idempotency = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local job, id, state, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local queued_at, limit, known_as, replaces = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

if redis.call('EXISTS', record) == 1 then return 'done' end
if known_as ~= '' then
  local known = redis.call('GET', idempotency)
  if known and known ~= replaces then return known end
end
if redis.call('ZCARD', queued) + redis.call('ZCARD', held) >= tonumber(limit) then
  return 'full'
end
if known_as ~= '' then redis.call('SET', idempotency, known_as) end
redis.call('SET', record, job)
redis.call('ZADD', queued, queued_at, id)
redis.call('PUBLISH', channel, id .. ' ' .. state)
return 'done'
"""

# Write a record if it is still the one that was read, and keep the indexes and the subscribers in
# step with it, as one. Repeated after a lost reply it finds itself done.
SWAP = """
local record, ended, queued, held, idempotency = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local expected, changed, id, state, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local queued_at, lease_end, ttl, ended_ttl = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local lost_by = ARGV[10]

local current = redis.call('GET', record)
if current == changed and expected ~= changed then return 'done' end
if current ~= expected then return 'changed' end
if lost_by ~= '' then
  local held_until = redis.call('ZSCORE', held, id)
  if not held_until or tonumber(held_until) > tonumber(lost_by) then return 'renewed' end
end

local function index(key, score)
  if score == 'kept' then return end
  if score == '' then redis.call('ZREM', key, id) else redis.call('ZADD', key, score, id) end
end
index(queued, queued_at)
index(held, lease_end)
if ttl == '' then
  redis.call('SET', record, changed)
else
  redis.call('SET', record, changed, 'EX', ttl)
  redis.call('SET', ended, state, 'EX', ended_ttl)
  local claim = redis.call('GET', idempotency)
  if claim and string.find(claim, id, 1, true) then redis.call('EXPIRE', idempotency, ttl) end
end
if expected ~= changed then redis.call('PUBLISH', channel, id .. ' ' .. state) end
return 'done'
"""
