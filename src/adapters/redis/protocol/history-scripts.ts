import { HISTORY, LONGEST } from './keyspace.ts';
import { script } from './script.ts';
import { EPOCH, GENERATION, MARKS, MENDED, NUMBERS, PUBLISH, SHAPES, TIME } from './script-parts.ts';

/**
 * KEYS history · ARGV epoch, channel, message, whether a mark is wanted, an identity for a server that has none, shape, the
 * generation for which the caller vouches (race 53).
 * Answers epoch, number, time, generation, the heartbeat of before, how many marks were wanted, the latest mark, the
 * identity, the term of the generation, its shapes, what was mended since the last heartbeat, and 1 where an instance vouches for it. The caller's shape joins them if there is room. Without a generation the last heartbeat stays as it is, for the relay that repairs this history, and the
 * write that proves goes into another field.
 */
export const heartbeat = script(
  'allow-oom',
  TIME,
  EPOCH,
  GENERATION,
  SHAPES,
  NUMBERS,
  PUBLISH,
  MARKS,
  `

local history = KEYS[1]

local last = redis.pcall('HGET', history, '${HISTORY.heartbeat}')

if type(last) == 'table' then
  redis.call('UNLINK', history)
  noteMended(history, 'history')
  last = false

end

local epoch, time, number = presentEpoch(), now(), presentNumber(history)

local generation, term, shapes

if epoch == ARGV[1] then generation, term, shapes = generationOf(history, epoch) end

if generation then
  local joined = withShape(shapes, ARGV[6])
  if joined ~= shapes then storeGeneration(history, epoch, generation, term, joined) end
  shapes = joined
  redis.call('HSET', history, '${HISTORY.heartbeat}', digits(time, 1) .. ' ' .. generation .. ' ' .. shapes)

else
  redis.call('HSET', history, '${HISTORY.awake}', digits(time, 1))

end

local vouched = generation and redis.call('HGET', history, '${HISTORY.vouched}') == epoch .. ' ' .. generation

if generation and not vouched and ARGV[7] == generation then
  redis.call('HSET', history, '${HISTORY.vouched}', epoch .. ' ' .. generation)
  vouched = true

end

local wanted, marked = marksOf(history, epoch)

if ARGV[4] == '1' then
  wanted = math.max(wanted, marked) + 1
  storeMarks(history, epoch, wanted, marked)

end

local identity = redis.call('HGET', history, '${HISTORY.identity}') or ''

if identity == '' or #identity > ${LONGEST.identity} then
  if identity ~= '' then noteMended(history, '${HISTORY.identity}') end
  identity = ARGV[5]
  redis.call('HSET', history, '${HISTORY.identity}', identity)

end

local mended = redis.call('HGET', history, '${HISTORY.mended}') or ''

if mended ~= '' then redis.call('HSET', history, '${HISTORY.mended}', '') end

publish(ARGV[2], ARGV[3], epoch, number)

local counts = { digits(wanted, 1), digits(marked, 1) }

local agreed = { generation or false, digits(term or 0, 1), shapes or '' }

local found = { epoch, number, digits(time, 1), agreed[1], last, counts[1], counts[2], identity, agreed[2], agreed[3] }

found[11] = mended

found[12] = vouched and 1 or 0

return found`,
);

/**
 * KEYS history · ARGV epoch, proposal, the one it may replace, repaired since, within, mark, the term that the new one must
 * exceed, shape. The caller's shape has its place in what is agreed, and a repaired generation keeps those it had. Since, within and mark are empty for a fresh one, which also replaces an agreement whose term does not exceed that
 * one. Answers what it is now and its term; nil when the repair is too old, or the epoch is another.
 */
export const agree = script(
  'allow-oom',
  TIME,
  EPOCH,
  GENERATION,
  SHAPES,
  MARKS,
  `

local history, epoch, since = KEYS[1], ARGV[1], tonumber(ARGV[4])

if presentEpoch() ~= epoch then return false end

if since and now() - since > tonumber(ARGV[5]) then return false end

local held, term, shapes = generationOf(history, epoch)

local after = tonumber(ARGV[7])

if held and (since or (held ~= ARGV[3] and term > after)) then
  storeGeneration(history, epoch, held, term, withShape(shapes, ARGV[8]))
  return { held, digits(term, 1) }
end

term, shapes = math.max(now(), after + 1, term + 1), since and shapesOfLast(history, ARGV[2]) or ''

storeGeneration(history, epoch, ARGV[2], term, withShape(shapes, ARGV[8]))

local wanted, marked = marksOf(history, epoch)

storeMarks(history, epoch, wanted, math.max(marked, tonumber(ARGV[6]) or wanted))

return { ARGV[2], digits(term, 1) }`,
);

/** KEYS history · ARGV epoch, mark. */
export const mark = script(
  'allow-oom',
  TIME,
  EPOCH,
  MENDED,
  MARKS,
  `

if presentEpoch() ~= ARGV[1] then return end

local wanted, marked = marksOf(KEYS[1], ARGV[1])

if tonumber(ARGV[2]) > marked then storeMarks(KEYS[1], ARGV[1], wanted, tonumber(ARGV[2])) end`,
);
