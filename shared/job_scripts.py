"""What changes a job in Redis, as one: Lua, so that nothing comes between."""

# Append events, each a type and its data, under the next numbers, and wake who listens.
_TELL = """
local function tell(events, kept, told, channel, message)
  local last = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
  local number = last and tonumber(string.match(last[1], '^%d+')) or 0
  for _, event in ipairs(told) do
    number = number + 1
    local id = string.format('%d-0', number)
    redis.call('XADD', events, 'MAXLEN', kept, id, 'type', event[1], 'data', event[2])
  end
  redis.call('PUBLISH', channel, message)
end
"""

# Start-time fair queueing (Goyal, Vin and Cheng, 1996): a job's turn is the end of its owner's last
# one or, where that is past, the turn being served; its work moves the end of the owner's turns.
# So owners get equal shares of the workers, however many jobs each of them sends.
_TAKE_TURN = """
local function take_turn(turns, class, owner, first_turn, cost, unfinished)
  if unfinished == 0 then redis.call('DEL', turns) end
  local served = tonumber(redis.call('HGET', turns, class) or first_turn)
  local own = tonumber(redis.call('HGET', turns, class .. ':' .. owner) or first_turn)
  local turn = math.max(served, own)
  redis.call('HSET', turns, class .. ':' .. owner, string.format('%.6f', turn + cost))
  return string.format('%.6f', turn)
end
"""

# Let as many messages out to each group of workers as it has workers, and one to spare: what waits
# without one can still be overtaken by a job whose turn is before it. A message in the queue of a
# group that is gone is as good as none, once another group serves its model.
_RELEASE = """
local function release(queued, sent, work, told)
  local page = 64

  local groups, of_queue, free = cjson.decode(told), {}, 0
  for _, group in ipairs(groups) do
    group.free = group.workers + 1
    of_queue[group.queue] = group
  end
  for _, queue in ipairs(redis.call('HVALS', sent)) do
    local group = of_queue[queue]
    if group then group.free = math.max(group.free - 1, 0) end
  end
  for _, group in ipairs(groups) do free = free + group.free end

  local function serves(group, model) return #group.models == 0 or not model or group.set[model] end
  for _, group in ipairs(groups) do
    group.set = {}
    for _, model in ipairs(group.models) do group.set[model] = true end
  end
  local function group_for(id)
    local model = string.match(redis.call('HGET', work, id) or '', '^%S+ %S+ %S+ %S+ %S+ (.+)$')
    local best = nil
    for _, group in ipairs(groups) do
      if group.free > 0 and serves(group, model) and (not best or group.free > best.free) then
        best = group
      end
    end
    return best
  end

  local released, first = {}, 0
  while free > 0 do
    local ids = redis.call('ZRANGE', queued, first, first + page - 1)
    if #ids == 0 then break end
    for _, id in ipairs(ids) do
      local queue = redis.call('HGET', sent, id)
      local group = free > 0 and not (queue and of_queue[queue]) and group_for(id)
      if group then
        group.free, free = group.free - 1, free - 1
        redis.call('HSET', sent, id, group.queue)
        table.insert(released, id)
        table.insert(released, group.queue)
      end
    end
    first = first + page
  end
  return released
end
"""

RELEASE = _RELEASE + "return release(KEYS[1], KEYS[2], KEYS[3], ARGV[1])"

# Keep a new record, unless its idempotency key leads elsewhere (then say where) or too many wait
# and run; then let messages out, of which its own is mostly one. Repeated after a lost reply it
# finds itself done.
ADD = (
    _TELL
    + _TAKE_TURN
    + _RELEASE
    + """
local record, queued, held, idempotency = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local events, work, listed, listed_queued = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local listed_running, listed_canceling, turns, waiting = KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local sent = KEYS[13]
local job, id, state, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local created_at, limit, known_as, replaces = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local event, data, kept, asked, member = ARGV[9], ARGV[10], ARGV[11], ARGV[12], ARGV[13]
local owner, class, first_turn, cost, own_limit = ARGV[14], ARGV[15], ARGV[16], ARGV[17], ARGV[18]
local groups = ARGV[19]

local function done() return {'done', release(queued, sent, work, groups)} end
if redis.call('EXISTS', record) == 1 then
  redis.call('HDEL', sent, id)  -- Nobody heard that its message was released.
  return done()
end
if known_as ~= '' then
  local known = redis.call('GET', idempotency)
  if known and known ~= replaces then return {known, {}} end
end
local unfinished = redis.call('ZCARD', queued) + redis.call('ZCARD', held)
if unfinished >= tonumber(limit) then return {'full', {}} end
if own_limit ~= '' then
  local own = redis.call('ZCARD', listed_queued) + redis.call('ZCARD', listed_running)
  own = own + redis.call('ZCARD', listed_canceling)
  if own >= tonumber(own_limit) then return {'own full', {}} end
end
if known_as ~= '' then redis.call('SET', idempotency, known_as) end
redis.call('SET', record, job)
redis.call('ZADD', queued, take_turn(turns, class, owner, first_turn, cost, unfinished), id)
redis.call('ZADD', waiting, created_at, id)
redis.call('HSET', work, id, asked)
redis.call('ZADD', listed, 0, member)
redis.call('ZADD', listed_queued, 0, member)
tell(events, kept, {{event, data}}, channel, id .. ' ' .. state)
return done()
"""
)

# Write a record if it is still the one that was read, and keep the indexes, the events and the
# subscribers in step with it, as one. Repeated after a lost reply it finds itself done.
SWAP = (
    _TELL
    + """
local record, ended, queued, held, idempotency = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local events, work, expiries = KEYS[6], KEYS[7], KEYS[8]
local listed_before, listed_now, deliveries = KEYS[9], KEYS[10], KEYS[11]
local turns, waiting, sent = KEYS[12], KEYS[13], KEYS[14]
local expected, changed, id, state, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local again_at, lease_end, ttl, ended_ttl = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local lost_by, told, kept = ARGV[10], cjson.decode(ARGV[11]), ARGV[12]
local member, expiry, delivery_due = ARGV[13], ARGV[14], ARGV[15]
local owner, class, cost, created_at = ARGV[16], ARGV[17], ARGV[18], ARGV[19]
local ends = ARGV[20]

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
local turn = redis.call('ZSCORE', queued, id)
if turn and again_at == '' then
  redis.call('HDEL', sent, id)
  if lease_end ~= '' then
    local served = redis.call('HGET', turns, class)
    if not served or tonumber(turn) > tonumber(served) then
      redis.call('HSET', turns, class, turn)
    end
  elseif redis.call('HEXISTS', turns, class .. ':' .. owner) == 1 then
    redis.call('HINCRBYFLOAT', turns, class .. ':' .. owner, -cost)  -- It was not painted.
  end
end
index(queued, again_at)
index(waiting, again_at == '' and '' or created_at)
index(held, lease_end)
index(deliveries, delivery_due)
if ttl == 'kept' then
  redis.call('SET', record, changed, 'KEEPTTL')
  return 'done'  -- A delivery: the job itself has not changed.
end
if listed_before ~= listed_now then
  redis.call('ZREM', listed_before, member)
  redis.call('ZADD', listed_now, 0, member)
end
if ttl == '' then
  redis.call('SET', record, changed)
else
  redis.call('SET', record, changed, 'EX', ttl)
  redis.call('SET', ended, state, 'EX', ended_ttl)
  redis.call('HDEL', work, id)
  redis.call('ZADD', expiries, expiry, member .. ' ' .. owner)
  local claim = redis.call('GET', idempotency)
  if claim and string.find(claim, id, 1, true) then redis.call('EXPIRE', idempotency, ttl) end
  redis.call('PUBLISH', ends, id .. ' ' .. changed)
end
if #told > 0 then tell(events, kept, told, channel, id .. ' ' .. state) end
if ttl ~= '' then redis.call('EXPIRE', events, ttl) end
return 'done'
"""
)

# Append a preview, if the attempt that painted it still runs. A prompt misleads neither search: its
# quotes are escaped. Repeated after a lost reply it finds itself done.
SHOW = (
    _TELL
    + """
local record, events = KEYS[1], KEYS[2]
local id, token, event, data, kept, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local job = redis.call('GET', record)
if not job or not string.find(job, '"token":"' .. token .. '"', 1, true) then return 'lost' end
if not string.find(job, '"state":"running"', 1, true) then return 'lost' end
local last = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1]
if last and last[2][4] == data then return 'done' end
tell(events, kept, {{event, data}}, channel, id .. ' ' .. event)
return 'done'
"""
)

# Give the jobs whose delivery is due, and let nobody else find them until later.
CLAIM_DELIVERIES = """
local deliveries = KEYS[1]
local now, limit, later = ARGV[1], ARGV[2], ARGV[3]

local due = redis.call('ZRANGEBYSCORE', deliveries, '-inf', now, 'LIMIT', 0, limit)
for _, id in ipairs(due) do redis.call('ZADD', deliveries, later, id) end
return due
"""
