import { HISTORY, LONGEST, MOST_SHAPES } from './keyspace.ts';
import { HEADER, NO_VERSION } from './stored-record.ts';

/** Lua numbers are doubles: exact up to 2^53, which microseconds reach in the year 2255; `%.0f` prints every digit. */
export const TIME = `

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)

end

local function digits(number, width)
  return string.format('%0' .. width .. '.0f', number)

end`;

export const EPOCH = `

local function presentEpoch()
  return string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)

end`;

/**
 * Notes that a record was broken and has begun anew. The next heartbeat of any instance tells its operator, once. A field that
 * is dropped is empty, which is as good as missing.
 */
export const MENDED = `

local function noteMended(history, what)
  redis.call('HSET', history, '${HISTORY.mended}', what)

end

local function dropField(history, field)
  redis.call('HSET', history, field, '')
  noteMended(history, field)

end`;

/**
 * The record says of which epoch its generation is: one of another epoch counts for nothing. A server that is promoted, and
 * was a master before, tells a history that it has told already, and must not find the generation of then. One that no
 * instance can have written counts for nothing either: keys would be named by it, and later terms must exceed its term.
 */
export const GENERATION = `${MENDED}

local function areShapes(shapes)
  local count = 0
  for shape in string.gmatch(shapes, '[^,]+') do
    count = count + 1
    local isShape = string.find(shape, '^%d+%.%d+$') or string.find(shape, '^%d+%.%d+%.[%w_.~-]+$')
    if count > ${MOST_SHAPES} or #shape > ${LONGEST.shape} or not isShape then return false end
  end
  return true

end

local function generationOf(key, epoch)
  local held = redis.call('HGET', key, '${HISTORY.generation}') or ''
  local generation, term, shapes = string.match(held, '^' .. epoch .. ' (%S+) (%d+) ?(%S*)')
  if not generation then
    if held ~= '' and not string.find(held, '^%x+ %S+ %d+') then dropField(key, '${HISTORY.generation}') end
    return nil, 0, ''
  end
  local isWhole = #generation <= ${LONGEST.generation} and #shapes <= ${LONGEST.shapes}
  if isWhole and areShapes(shapes) and tonumber(term) <= ${LONGEST.term} then return generation, tonumber(term), shapes end
  dropField(key, '${HISTORY.generation}')
  return nil, 0, ''

end

local function storeGeneration(key, epoch, generation, term, shapes)
  local held = epoch .. ' ' .. generation .. ' ' .. string.format('%.0f', term) .. ' ' .. shapes
  redis.call('HSET', key, '${HISTORY.generation}', held)

end`;

/**
 * The shapes of which records may lie in a generation: what invalidates a key removes all of them. A shape stays as long
 * as the generation does, for its instances may rest and come back (race 40).
 */
export const SHAPES = `

local function hasShape(shapes, shape)
  return string.find(',' .. shapes .. ',', ',' .. shape .. ',', 1, true) ~= nil

end

local function withShape(shapes, shape)
  if hasShape(shapes, shape) then return shapes end
  local _, commas = string.gsub(shapes, ',', '')
  if shapes == '' then return shape end
  return commas + 1 < ${MOST_SHAPES} and shapes .. ',' .. shape or shapes

end

local function shapesOfLast(key, generation)
  local held = redis.call('HGET', key, '${HISTORY.heartbeat}') or ''
  local last, shapes = string.match(held, '^%d+ (%S+) (%S+)')
  return last == generation and shapes or ''

end`;

/**
 * The caller's history must be the server's, or nothing may be done in its name; a repair comes before there is any.
 * Answers the shapes of which records may lie there, nil for another history.
 */
export const SESSION = `${EPOCH}${GENERATION}${SHAPES}

local function shapesOf(history, epoch, generation, isRepair)
  local held, _, shapes = generationOf(history, epoch)
  if presentEpoch() ~= epoch then return nil end
  if held == generation then return shapes end
  return isRepair and not held and shapesOfLast(history, generation) or nil

end`;

/**
 * A counter that is missing or broken starts at the time in microseconds, so that no number of an epoch comes twice. It comes
 * after {@link MENDED}.
 */
export const NUMBERS = `

local function restartedNumber(key)
  local time = redis.call('TIME')
  local number = string.format('%.0f', time[1] * 1000000 + time[2])
  redis.call('HSET', key, '${HISTORY.number}', number)
  return number

end

local function mendedNumber(key)
  noteMended(key, '${HISTORY.number}')
  return restartedNumber(key)

end

local function nextNumber(key)
  local number = redis.pcall('HINCRBY', key, '${HISTORY.number}', 1)
  if number == 1 then return restartedNumber(key) end
  if type(number) ~= 'number' or number < 1 or number > ${LONGEST.number} then return mendedNumber(key) end
  return string.format('%.0f', number)

end

local function presentNumber(key)
  local held = redis.call('HGET', key, '${HISTORY.number}')
  if not held then return restartedNumber(key) end
  local isWhole = #held <= 16 and string.find(held, '^[1-9]%d*$') and tonumber(held) <= ${LONGEST.number}
  return isWhole and held or mendedNumber(key)

end`;

/** `keep` is milliseconds; 0 for no expiry. */
export const STORE = `

local function store(key, value, keep)
  if keep == 0 then redis.call('SET', key, value)
  else redis.call('SET', key, value, 'PX', keep) end

end`;

/**
 * A lease, a claim or a note that has no end, or one too far away, would keep its key from everybody: it is given the length of a
 * lease (race 71). A holder that is alive renews it.
 */
export const BOUND = `

local RIGHT = string.byte('L')

local function isRight(record)
  return string.byte(record) == RIGHT

end

local function bound(key, length, longest)
  local left = redis.call('PTTL', key)
  if left >= 0 and left <= tonumber(longest) then return 0 end
  return redis.call('PEXPIRE', key, length)

end`;

/** A message is JSON without its end: epoch and number are known only here. */
export const PUBLISH = `

local function publish(channel, head, epoch, number)
  redis.call('PUBLISH', channel, head .. ',"epoch":"' .. epoch .. '","sequence":' .. number .. '}')

end`;

/** A lease carries a version like a value, so that what is written over it is held against it. */
export const VERSION = `

local function versionOf(header)
  local version = string.sub(header, ${HEADER.versionAt + 1}, ${HEADER.versionAt + HEADER.versionDigits})
  if string.find(header, '^[VL]') and #version == ${HEADER.versionDigits} and string.find(version, '^%d+$') then
    return version
  end
  return '${NO_VERSION}'

end`;

/** `ending` is the end of the header, with the extra block. */
export const VALUE = `${VERSION}

local function value(token, storedAt, version, ending, body)
  local stored, expired = digits(storedAt, ${HEADER.timeDigits}), digits(0, ${HEADER.timeDigits})
  return 'V' .. token .. version .. stored .. expired .. ending .. body

end`;

/**
 * Removes a record (`delete`), or marks a value expired under another token so that no earlier flight can fill over it.
 * Anything that is not a whole value goes either way; `pcall`, because a key of another type must not stop the script
 * between two of its effects. A value that was expired before keeps its first moment: its window must not grow.
 */
export const REMOVE = `

local function remove(key, mode, token, time)
  if mode == 'delete' then return redis.call('UNLINK', key) end
  local header = redis.pcall('GETRANGE', key, 0, ${HEADER.bytes - 1})
  if type(header) ~= 'string' or #header < ${HEADER.bytes} or string.sub(header, 1, 1) ~= 'V' then
    return redis.call('UNLINK', key)
  end
  redis.call('SETRANGE', key, ${HEADER.tokenAt}, token)
  if tonumber(string.sub(header, ${HEADER.expiredAt + 1}, ${HEADER.expiredAt + HEADER.timeDigits})) == 0 then
    redis.call('SETRANGE', key, ${HEADER.expiredAt}, digits(time, ${HEADER.timeDigits}))
  end
  return 1

end`;

/**
 * One field holds how many marks were wanted, and the latest one; those of another epoch count for nothing, and so do counts
 * that no script has counted. It comes after {@link MENDED}.
 */
export const MARKS = `

local function marksOf(key, epoch)
  local held = redis.call('HGET', key, '${HISTORY.marks}') or ''
  local wanted, marked = string.match(held, '^' .. epoch .. ' (%d+) (%d+)')
  if held == '' or wanted and #wanted <= 15 and #marked <= 15 then
    return tonumber(wanted or 0), tonumber(marked or 0)
  end
  if wanted or not string.find(held, '^%x+ %d+ %d+') then dropField(key, '${HISTORY.marks}') end
  return 0, 0

end

local function storeMarks(key, epoch, wanted, marked)
  redis.call('HSET', key, '${HISTORY.marks}', epoch .. ' ' .. digits(wanted, 1) .. ' ' .. digits(marked, 1))

end`;
