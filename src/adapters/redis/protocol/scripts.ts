import { agree, heartbeat, mark } from './history-scripts.ts';
import { HISTORY } from './keyspace.ts';
import { type Script, script } from './script.ts';
import {
  BOUND,
  EPOCH,
  MENDED,
  NUMBERS,
  PUBLISH,
  REMOVE,
  SESSION,
  SHAPES,
  STORE,
  TIME,
  VALUE,
  VERSION,
} from './script-parts.ts';
import { HEADER } from './stored-record.ts';

/**
 * KEYS record, history, refresh claim (optional) · ARGV expected first bytes, token, age, stay, body, claim, latest time,
 * generation, shape, end of the header. Answers 1 when it stored. It stores nothing where another generation is agreed, or none: two databases
 * may have been swapped since the caller's last heartbeat (race 38). Nor does it where the shape has no place: an
 * invalidation would not look for the record (race 39). A missing record has the same first bytes as an empty one, which some other program may
 * have left: only then its existence is asked. A loaded value brings no version of its own; the source is at least where
 * the replaced value left it.
 */
const fill = script(
  'checked',
  TIME,
  SHAPES,
  STORE,
  VALUE,
  `

if KEYS[3] and redis.call('GET', KEYS[3]) == ARGV[6] then redis.call('DEL', KEYS[3]) end

local agreed = redis.call('HGET', KEYS[2], '${HISTORY.generation}') or ''

local generation, shapes = string.match(agreed, '^%S+ (%S+) %d+ ?(%S*)')

if generation ~= ARGV[8] or not hasShape(shapes, ARGV[9]) then return 0 end

local header = redis.call('GETRANGE', KEYS[1], 0, ${HEADER.bytes - 1})

if string.sub(header, 1, ${HEADER.prefixBytes}) ~= ARGV[1] then return 0 end

if header == '' and redis.call('EXISTS', KEYS[1]) == 0 then return 0 end

local storedAt = math.max(0, math.min(now() - tonumber(ARGV[3]), tonumber(ARGV[7])))

store(KEYS[1], value(ARGV[2], storedAt, versionOf(header), ARGV[10], ARGV[5]), tonumber(ARGV[4]))

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
 * KEYS record · ARGV lease, token of the note, outcome, stay. Puts a note of how its load ended in the place of a lease or
 * claim. Answers 1 when it was still there. The note has another token, so a renewal that is on its way does not prolong it.
 */
const outcome = script(
  'allow-oom',
  VERSION,
  `

local header = redis.call('GETRANGE', KEYS[1], 0, ${HEADER.bytes - 1})

if string.sub(header, 1, ${HEADER.prefixBytes}) ~= ARGV[1] then return 0 end

redis.call('SET', KEYS[1], 'L' .. ARGV[2] .. versionOf(header) .. '\\n' .. ARGV[3], 'PX', ARGV[4])

return 1`,
);

/**
 * KEYS records… · ARGV lease, the moment of its end, its length, the longest that another one may last. Answers what each
 * held, nil where the lease has been taken; and, last, how many leases of others had no end, or one too far away: these end
 * after the length of a lease now. `MGET`
 * calls a key of another type missing: `NX` and the plain `GET` behind it say what is there. What one key is refused with
 * stands in its place.
 */
const acquire = script(
  'unchecked',
  BOUND,
  `

local ended = 0

local found = redis.call('MGET', unpack(KEYS))

for i = 1, #KEYS do
  if not found[i] then
    local taken = redis.pcall('SET', KEYS[i], ARGV[1], 'NX', 'PXAT', ARGV[2])
    found[i] = taken and taken.err and taken or (not taken and redis.pcall('GET', KEYS[i]))
  end
  if type(found[i]) == 'string' and isRight(found[i]) then ended = ended + bound(KEYS[i], ARGV[3], ARGV[4]) end

end

found[#KEYS + 1] = ended

return found`,
);

/**
 * KEYS record · ARGV length of a lease, the longest that one may last. Answers 1 where the record is a lease, a claim or a note,
 * and had no end or one too far away: it ends after the length of a lease now.
 */
const boundRight = script(
  'allow-oom',
  BOUND,
  `

if not isRight(redis.call('GETRANGE', KEYS[1], 0, 0)) then return 0 end

return bound(KEYS[1], ARGV[1], ARGV[2])`,
);

/**
 * KEYS history, tags… · ARGV stay, epoch and number of the last invalidation that the caller has seen, then for each tag the
 * generation that it remembers and its stay; the latter are absent where it remembers none. Answers the tags' generations,
 * "hard soft". A missing one that is remembered comes back, unless an invalidation has passed since (race 57).
 * An expiry is pushed a quarter further than asked, so that a tag read all day is not written at every read.
 */
const tagGenerations = script(
  'unchecked',
  EPOCH,
  MENDED,
  NUMBERS,
  STORE,
  `

local keep, fresh, isCurrent = tonumber(ARGV[1]), nil, nil

local generations = {}

for i = 2, #KEYS do
  local held = redis.pcall('GET', KEYS[i])
  local isBroken = type(held) == 'table' or held and not string.find(held, '^%x+:%d+ %x+:%d+')
  if isBroken then
    redis.call('UNLINK', KEYS[i])
    noteMended(KEYS[1], 'tag')
  end
  if not held or isBroken then
    if not fresh then
      local epoch, number = presentEpoch(), presentNumber(KEYS[1])
      isCurrent = ARGV[2] == epoch .. ':' .. number
      fresh = epoch .. ':' .. number .. ' ' .. epoch .. ':' .. number
    end
    local known, stay = isCurrent and ARGV[2 * i - 1] or '', tonumber(ARGV[2 * i])
    if known == '' then held, stay = fresh, keep else held = known end
    if keep == 0 or stay == 0 then stay = 0 else stay = math.max(stay, keep) end
    store(KEYS[i], held, stay)
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
 * expired records, channel, message, whether it repairs, the shapes whose records are named. A tag's generation keeps its
 * stay; one that is missing stays so. Answers the number; nil when the session is another; the shapes, in a list, when they
 * are others, and nothing was done.
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

local shapes = shapesOf(KEYS[1], ARGV[1], ARGV[2], ARGV[8] == '1')

if not shapes then return false end

if shapes ~= ARGV[9] then return { shapes } end

local mode, time = ARGV[3], now()

local number = nextNumber(KEYS[1])

local lastRecord = 1 + tonumber(ARGV[4])

for i = 2, lastRecord do remove(KEYS[i], mode, ARGV[5], time) end

for i = lastRecord + 1, #KEYS do
  local held = redis.pcall('GET', KEYS[i])
  if type(held) == 'string' then
    local moved = ARGV[1] .. ':' .. number
    local hard = mode == 'expire' and string.match(held, '^(%S+) %S+') or moved
    local soft = mode == 'expire' and moved .. '@' .. digits(time, 1) or moved
    redis.call('SET', KEYS[i], hard .. ' ' .. soft, 'KEEPTTL')
  elseif held then
    redis.call('UNLINK', KEYS[i])
  end

end

publish(ARGV[6], ARGV[7], ARGV[1], number)

return number`,
);

/**
 * KEYS history, record, records of other shapes… · ARGV epoch, generation, token, stay, version, channel, message, body,
 * shapes, shape, end of the header. Answers the number; 'older' when a greater version is stored, in whatever shape; nil when the session is
 * another, or the shape has no place; the shapes, in a list, when they are others, and nothing was done.
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

local shapes = shapesOf(KEYS[1], ARGV[1], ARGV[2])

if not shapes or not hasShape(shapes, ARGV[10]) then return false end

if shapes ~= ARGV[9] then return { shapes } end

local given = tonumber(ARGV[5])

for i = 2, #KEYS do
  local held = given and redis.pcall('GETRANGE', KEYS[i], 0, ${HEADER.bytes - 1})
  local stored = type(held) == 'string' and tonumber(versionOf(held))
  if stored and stored > given then return 'older' end

end

local number = nextNumber(KEYS[1])

for i = 3, #KEYS do redis.call('UNLINK', KEYS[i]) end

store(KEYS[2], value(ARGV[3], now(), ARGV[5], ARGV[11], ARGV[8]), tonumber(ARGV[4]))

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

/**
 * KEYS history, claim, keys of other generations… · ARGV epoch, generation, holder, stay of the claim, the longest stay of one.
 * Answers how many are gone; -1 when another instance holds the claim, which no program can hold for ever; nil when the session is another: then what is listed may be of the present
 * generation.
 */
const sweepOthers = script(
  'allow-oom',
  SESSION,
  `

if not shapesOf(KEYS[1], ARGV[1], ARGV[2]) then return false end

local holder, left = redis.pcall('GET', KEYS[2]), redis.call('PTTL', KEYS[2])

if type(holder) == 'string' and holder ~= ARGV[3] and left > 0 and left <= tonumber(ARGV[5]) then return -1 end

redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])

if #KEYS == 2 then return 0 end

return redis.call('UNLINK', unpack(KEYS, 3))`,
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
  outcome,
  boundRight,
  tagGenerations,
  invalidate,
  write,
  expire,
  sweepOthers,
} as const satisfies Record<string, Script>;
