import { HISTORY, MOST_SHAPES } from './keyspace.ts';
import { HEADER, NO_VERSION, PLAIN_END } from './stored-record.ts';

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
 * The record says of which epoch its generation is: one of another epoch counts for nothing. A server that is promoted, and
 * was a master before, tells a history that it has told already, and must not find the generation of then.
 */
export const GENERATION = `

local function generationOf(key, epoch)
  local held = redis.call('HGET', key, '${HISTORY.generation}') or ''
  local generation, term, shapes = string.match(held, '^' .. epoch .. ' (%S+) (%d+) ?(%S*)')
  return generation, tonumber(term or 0), shapes or ''

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

/** A missing counter starts at the time in microseconds, so that no number of an epoch comes twice. */
export const NUMBERS = `

local function nextNumber(key)
  local number = redis.call('HINCRBY', key, '${HISTORY.number}', 1)
  if number == 1 then
    local time = redis.call('TIME')
    number = time[1] * 1000000 + time[2]
    redis.call('HSET', key, '${HISTORY.number}', string.format('%.0f', number))
  end
  return string.format('%.0f', number)

end

local function presentNumber(key)
  return redis.call('HGET', key, '${HISTORY.number}') or nextNumber(key)

end`;

/** `keep` is milliseconds; 0 for no expiry. */
export const STORE = `

local function store(key, value, keep)
  if keep == 0 then redis.call('SET', key, value)
  else redis.call('SET', key, value, 'PX', keep) end

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

export const VALUE = `${VERSION}

local function value(token, storedAt, version, body)
  local stored, expired = digits(storedAt, ${HEADER.timeDigits}), digits(0, ${HEADER.timeDigits})
  return 'V' .. token .. version .. stored .. expired .. '${PLAIN_END.trimEnd()}\\n' .. body

end`;

/**
 * Removes a record (`delete`), or marks a value expired under another token so that nobody can fill over it from before.
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

/** One field holds how many marks were wanted, and the latest one; those of another epoch count for nothing. */
export const MARKS = `

local function marksOf(key, epoch)
  local held = redis.call('HGET', key, '${HISTORY.marks}') or ''
  local wanted, marked = string.match(held, '^' .. epoch .. ' (%d+) (%d+)')
  return tonumber(wanted or 0), tonumber(marked or 0)

end

local function storeMarks(key, epoch, wanted, marked)
  redis.call('HSET', key, '${HISTORY.marks}', epoch .. ' ' .. digits(wanted, 1) .. ' ' .. digits(marked, 1))

end`;
