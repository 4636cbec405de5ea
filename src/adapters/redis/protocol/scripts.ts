import { createHash } from 'node:crypto';
import { HISTORY } from './keyspace.ts';
import { EPOCH, GENERATION, MARKS, NUMBERS, PUBLISH, REMOVE, SESSION, STORE, TIME, VALUE } from './script-parts.ts';
import { HEADER } from './stored-record.ts';

/** A Lua script, and the digest by which Redis knows it once it is loaded. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/**
 * Which commands a script may refuse:
 * - `allow-oom` runs on a server at its memory limit, where invalidations are needed most and leases must go back;
 * - `checked` is refused as a whole when the server is full, read-only or short of replicas, before it did anything;
 * - `unchecked` meets those refusals at its first command that writes, so it still reads on a full server.
 */
type Terms = 'allow-oom' | 'checked' | 'unchecked';

const SHEBANG: Record<Terms, string> = { 'allow-oom': '#!lua flags=allow-oom\n', checked: '#!lua\n', unchecked: '' };

function script(terms: Terms, ...parts: readonly string[]): Script {
  const lua = SHEBANG[terms] + parts.map((part) => part.trim()).join('\n');
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/**
 * KEYS history · ARGV epoch, channel, message, whether a mark is wanted, an identity for a server that has none.
 * Answers epoch, number, time, generation, the heartbeat of before, how many marks were wanted, the latest mark, the
 * identity, the term of the generation. Without a generation the last heartbeat stays as it is, for the relay that repairs this history, and the
 * write that proves goes into another field.
 */
const heartbeat = script(
  'allow-oom',
  TIME,
  EPOCH,
  GENERATION,
  NUMBERS,
  PUBLISH,
  MARKS,
  `

local history = KEYS[1]

local epoch, time, number = presentEpoch(), now(), presentNumber(history)

local last = redis.call('HGET', history, '${HISTORY.heartbeat}')

local generation, term

if epoch == ARGV[1] then generation, term = generationOf(history, epoch) end

if generation then
  redis.call('HSET', history, '${HISTORY.heartbeat}', digits(time, 1) .. ' ' .. generation)

else
  redis.call('HSET', history, '${HISTORY.awake}', digits(time, 1))

end

local wanted, marked = marksOf(history, epoch)

if ARGV[4] == '1' then
  wanted = math.max(wanted, marked) + 1
  storeMarks(history, epoch, wanted, marked)

end

redis.call('HSETNX', history, '${HISTORY.identity}', ARGV[5])

local identity = redis.call('HGET', history, '${HISTORY.identity}')

publish(ARGV[2], ARGV[3], epoch, number)

local marks = { digits(wanted, 1), digits(marked, 1) }

return { epoch, number, digits(time, 1), generation or false, last, marks[1], marks[2], identity, digits(term or 0, 1) }`,
);

/**
 * KEYS history · ARGV epoch, proposal, the one it may replace, repaired since, within, mark, the term that the new one must
 * exceed. Since, within and mark are empty for a fresh one, which also replaces an agreement whose term does not exceed that
 * one. Answers what it is now and its term; nil when the repair is too old, or the epoch is another.
 */
const agree = script(
  'allow-oom',
  TIME,
  EPOCH,
  GENERATION,
  MARKS,
  `

local history, epoch, since = KEYS[1], ARGV[1], tonumber(ARGV[4])

if presentEpoch() ~= epoch then return false end

if since and now() - since > tonumber(ARGV[5]) then return false end

local held, term = generationOf(history, epoch)

local after = tonumber(ARGV[7])

if held and (since or (held ~= ARGV[3] and term > after)) then return { held, digits(term, 1) } end

term = digits(math.max(now(), after + 1, term + 1), 1)

redis.call('HSET', history, '${HISTORY.generation}', epoch .. ' ' .. ARGV[2] .. ' ' .. term)

local wanted, marked = marksOf(history, epoch)

storeMarks(history, epoch, wanted, math.max(marked, tonumber(ARGV[6]) or wanted))

return { ARGV[2], term }`,
);

/** KEYS history · ARGV epoch, mark. */
const mark = script(
  'allow-oom',
  TIME,
  EPOCH,
  MARKS,
  `

if presentEpoch() ~= ARGV[1] then return end

local wanted, marked = marksOf(KEYS[1], ARGV[1])

if tonumber(ARGV[2]) > marked then storeMarks(KEYS[1], ARGV[1], wanted, tonumber(ARGV[2])) end`,
);

/**
 * KEYS record, history, refresh claim (optional) · ARGV expected first bytes, token, age, stay, body, claim, latest time,
 * generation. Answers 1 when it stored. It stores nothing where another generation is agreed, or none: two databases may
 * have been swapped since the caller's last heartbeat (race 38). A missing record has the same first bytes as an empty one, which some other program may
 * have left: only then its existence is asked. A loaded value brings no version of its own; the source is at least where
 * the replaced value left it.
 */
const fill = script(
  'checked',
  TIME,
  STORE,
  VALUE,
  `

if KEYS[3] and redis.call('GET', KEYS[3]) == ARGV[6] then redis.call('DEL', KEYS[3]) end

local agreed = redis.call('HGET', KEYS[2], '${HISTORY.generation}') or ''

if string.match(agreed, '^%S+ (%S+)') ~= ARGV[8] then return 0 end

local header = redis.call('GETRANGE', KEYS[1], 0, ${HEADER.bytes - 1})

if string.sub(header, 1, ${HEADER.prefixBytes}) ~= ARGV[1] then return 0 end

if header == '' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end

local storedAt = math.max(0, math.min(now() - tonumber(ARGV[3]), tonumber(ARGV[7])))

store(KEYS[1], value(ARGV[2], storedAt, versionOf(header), ARGV[5]), tonumber(ARGV[4]))

return 1`,
);

/** KEYS record · ARGV lease. Answers 1 when it was still there, and is gone. */
const release = script(
  'allow-oom',
  `

if redis.call('GETRANGE', KEYS[1], 0, ${HEADER.prefixBytes - 1}) ~= ARGV[1] then return 0 end

return redis.call('DEL', KEYS[1])`,
);

/** KEYS record · ARGV lease, milliseconds. Answers 1 when it was still there; never makes one. */
const renew = script(
  'allow-oom',
  `

if redis.call('GETRANGE', KEYS[1], 0, ${HEADER.prefixBytes - 1}) ~= ARGV[1] then return 0 end

return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,
);

/**
 * KEYS records… · ARGV lease, the moment of its end. Answers what each held; nil where the lease has been taken. `MGET`
 * calls a key of another type missing: `NX` and the plain `GET` behind it say what is there. What one key is refused with
 * stands in its place.
 */
const acquire = script(
  'unchecked',
  `

local found = redis.call('MGET', unpack(KEYS))

for i = 1, #KEYS do
  if not found[i] then
    local taken = redis.pcall('SET', KEYS[i], ARGV[1], 'NX', 'PXAT', ARGV[2])
    found[i] = taken and taken.err and taken or (not taken and redis.pcall('GET', KEYS[i]))
  end

end

return found`,
);

/**
 * KEYS history, tags… · ARGV stay. Answers the tags' generations, "hard soft".
 * An expiry is pushed a quarter further than asked, so that a tag read all day is not written at every read.
 */
const tagGenerations = script(
  'unchecked',
  EPOCH,
  NUMBERS,
  STORE,
  `

local keep, fresh = tonumber(ARGV[1]), nil

local generations = {}

for i = 2, #KEYS do
  local held = redis.call('GET', KEYS[i])
  if not held or not string.find(held, '^%S+ %S+') then
    if not fresh then
      local id = presentEpoch() .. ':' .. presentNumber(KEYS[1])
      fresh = id .. ' ' .. id
    end
    held = fresh
    store(KEYS[i], held, keep)
  elseif keep == 0 then
    redis.call('PERSIST', KEYS[i])
  else
    local left = redis.call('PTTL', KEYS[i])
    if left >= 0 and left < keep then redis.call('PEXPIRE', KEYS[i], math.ceil(keep * 1.25)) end
  end
  generations[i - 1] = held

end

return generations`,
);

/**
 * KEYS history, records…, tags… · ARGV epoch, generation, mode, number of records, token of
 * expired records, channel, message, whether it repairs. A tag's generation keeps its stay; one that is missing stays so.
 * Answers the number, or nil when the session is another.
 */
const invalidate = script(
  'allow-oom',
  TIME,
  SESSION,
  NUMBERS,
  STORE,
  PUBLISH,
  REMOVE,
  `

if not isPresent(KEYS[1], ARGV[1], ARGV[2], ARGV[8] == '1') then return false end

local mode, time = ARGV[3], now()

local number = nextNumber(KEYS[1])

local lastRecord = 1 + tonumber(ARGV[4])

for i = 2, lastRecord do remove(KEYS[i], mode, ARGV[5], time) end

for i = lastRecord + 1, #KEYS do
  local held = redis.pcall('GET', KEYS[i])
  if type(held) == 'string' then
    local moved = ARGV[1] .. ':' .. number
    local hard = mode == 'expire' and string.match(held, '^(%S+) %S+') or moved
    redis.call('SET', KEYS[i], hard .. ' ' .. moved, 'KEEPTTL')
  elseif held then
    redis.call('UNLINK', KEYS[i])
  end

end

publish(ARGV[6], ARGV[7], ARGV[1], number)

return number`,
);

/**
 * KEYS history, record · ARGV epoch, generation, token, stay, version, channel, message, body.
 * Answers the number, 'older' when a greater version is stored, or nil when the session is another.
 */
const write = script(
  'checked',
  TIME,
  SESSION,
  NUMBERS,
  STORE,
  PUBLISH,
  VALUE,
  `

if not isPresent(KEYS[1], ARGV[1], ARGV[2]) then return false end

local given = tonumber(ARGV[5])

local held = redis.pcall('GETRANGE', KEYS[2], 0, ${HEADER.bytes - 1})

local stored = type(held) == 'string' and tonumber(versionOf(held))

if given and stored and stored > given then return 'older' end

local number = nextNumber(KEYS[1])

store(KEYS[2], value(ARGV[3], now(), ARGV[5], ARGV[8]), tonumber(ARGV[4]))

publish(ARGV[6], ARGV[7], ARGV[1], number)

return number`,
);

/** KEYS records… · ARGV token. Expires a batch; answers how many were there. */
const expire = script(
  'allow-oom',
  TIME,
  REMOVE,
  `

local time, touched = now(), 0

for i = 1, #KEYS do touched = touched + remove(KEYS[i], 'expire', ARGV[1], time) end

return touched`,
);

/** Every step that is more than one command. */
export const SCRIPTS = {
  acquire,
  heartbeat,
  agree,
  mark,
  fill,
  release,
  renew,
  tagGenerations,
  invalidate,
  write,
  expire,
} as const satisfies Record<string, Script>;
