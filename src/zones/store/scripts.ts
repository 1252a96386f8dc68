/**
 * Scripts that change zones in a store, atomically. They declare every key, use the server's clock, let every key expire, and
 * call only commands that Redis 6.2 and Valkey have. Values that are not theirs are replaced.
 */
import { createHash } from 'node:crypto';

export interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** Whole ms of the server's clock. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** Removes a value of another type, which `reply` reports; returns any other error. */
const REPLACE = `
local function failed(reply, key)
  if type(reply) ~= 'table' or not reply.err then return nil end
  if not string.find(reply.err, 'WRONGTYPE', 1, true) then return reply end
  redis.call('DEL', key)
  return nil
end
`;

/**
 * Counts requests, each with all its rates, or with none if one of them refuses: the arithmetic of `RequestRates`. The value of a
 * key is `excess:time`.
 *
 * KEYS: one per limit. ARGV: for each request the number of its limits, and for each of these rate, burst, delay, cost, and the
 * number of requests to count at once. Returns for each request: 0 passed, 1 beyond or 2 delayed; excess; index of the limit; ms
 * of delay; further requests counted for each limit.
 */
export const COUNT_RATES = script(`${NOW}${REPLACE}
local function decide(first, number, at)
  local excesses, lasts = {}, {}
  for i = 1, number do
    local key = KEYS[first + i]
    local from = at + (i - 1) * 5
    local rate, burst, cost = tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 4])
    local value = redis.pcall('GET', key)
    local problem = failed(value, key)
    if problem then return nil, problem end
    local excess, last
    if type(value) == 'string' and #value < 40 then excess, last = string.match(value, '^(%d+):(%d+)$') end
    excess, last = tonumber(excess), tonumber(last)
    if excess and excess <= 9007199254740991 then
      local ms = now - last
      if ms < -60000 then ms = 1 elseif ms < 0 then ms = 0 end
      excess = math.max(0, excess - math.floor(rate * ms / 1000) + cost)
    else
      excess, last = cost - 1000, nil
    end
    if excess > burst then return {1, excess, i - 1, 0} end
    excesses[i], lasts[i] = excess, last
  end
  local answer = {0, 0, -1, 0}
  for i = number, 1, -1 do
    local from = at + (i - 1) * 5
    local rate, burst, delay = tonumber(ARGV[from + 1]), tonumber(ARGV[from + 2]), tonumber(ARGV[from + 3])
    local excess, last = excesses[i], lasts[i]
    local room = math.floor((math.min(burst, delay) - excess) / 1000)
    local more = math.max(0, math.min(tonumber(ARGV[from + 5]) - 1, room))
    if not last or now > last or now - last < -60000 then last = now end
    local stored = excess + more * 1000
    local lifetime = math.min(2592000000, math.ceil((stored + 1000) * 1000 / rate) + 1000)
    redis.call('SET', KEYS[first + i], string.format('%.0f:%.0f', stored, last), 'PX', string.format('%.0f', lifetime))
    answer[4 + i] = more
    if excess > delay then
      local wait = math.floor((excess - delay) * 1000 / rate)
      if wait > answer[4] then answer[1], answer[2], answer[3], answer[4] = 2, excess, i - 1, wait end
    end
  end
  return answer
end
local answers, key, at = {}, 0, 1
while at <= #ARGV do
  local number = tonumber(ARGV[at])
  local answer, problem = decide(key, number, at)
  if problem then return problem end
  answers[#answers + 1] = answer
  key, at = key + number, at + 1 + number * 5
end
return answers
`);

/**
 * Counts a connection for all its keys, or for none if one of them has as many as permitted. The members of a key, a sorted set,
 * are connections; each is counted until its time.
 *
 * KEYS: one per limit. ARGV: member, ms of the lease, and for each limit the maximum. Returns the number of the limit that
 * refuses, from 1; 0: counted.
 */
export const TAKE_CONNECTIONS = script(`${NOW}${REPLACE}
for i, key in ipairs(KEYS) do
  local problem = failed(redis.pcall('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now)), key)
  if problem then return problem end
  if redis.call('ZCARD', key) >= tonumber(ARGV[2 + i]) then return i end
end
local lease = tonumber(ARGV[2])
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, string.format('%.0f', now + lease), ARGV[1])
  if redis.call('PTTL', key) < lease then redis.call('PEXPIRE', key, ARGV[2]) end
end
return 0
`);

/** Renews connections. KEYS: one per connection. ARGV: ms of the lease, and the member of each. */
export const RENEW_CONNECTIONS = script(`${NOW}${REPLACE}
local lease = tonumber(ARGV[1])
local until_ = string.format('%.0f', now + lease)
for i, key in ipairs(KEYS) do
  local reply = redis.pcall('ZADD', key, until_, ARGV[1 + i])
  local problem = failed(reply, key)
  if problem then return problem end
  if type(reply) == 'table' then redis.call('ZADD', key, until_, ARGV[1 + i]) end
  if redis.call('PTTL', key) < lease then redis.call('PEXPIRE', key, ARGV[1]) end
end
return 0
`);

/** Ends connections. KEYS and ARGV: key and member of each. */
export const END_CONNECTIONS = script(`${REPLACE}
for i, key in ipairs(KEYS) do
  local problem = failed(redis.pcall('ZREM', key, ARGV[i]), key)
  if problem then return problem end
end
return 0
`);

/** Registers a node. KEYS: the set of nodes. ARGV: its name, and ms for which it is registered. Returns the number of nodes. */
export const REGISTER_NODE = script(`${NOW}${REPLACE}
local problem = failed(redis.pcall('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now)), KEYS[1])
if problem then return problem end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
`);

/** The time of last use and the peer of a session, `time:peer`; nil without one that is valid. */
const SESSION = `
local value = redis.pcall('GET', KEYS[1])
local problem = failed(value, KEYS[1])
if problem then return problem end
local last, peer
if type(value) == 'string' then last, peer = string.match(value, '^(%d+):(.*)$') end
local known = last and math.abs(now - tonumber(last)) < tonumber(ARGV[1])
`;

/** KEYS: a session. ARGV: ms after which an unused one expires. Returns its peer, or an empty string. */
export const FIND_SESSION = script(`${NOW}${REPLACE}${SESSION}
if known then return peer end
if value then redis.call('DEL', KEYS[1]) end
return ''
`);

/** KEYS: a session. ARGV: as before, its peer, and `1` if it is created. */
export const LEARN_SESSION = script(`${NOW}${REPLACE}${SESSION}
if known or ARGV[3] == '1' then
  redis.call('SET', KEYS[1], string.format('%.0f', now) .. ':' .. ARGV[2], 'PX', ARGV[1])
end
return 0
`);
