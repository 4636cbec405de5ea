-- Tells what was measured as one line of JSON. Asks for the paths in the file that is its one argument, one after the other,
-- each connection the next one; without a file for the path of the URL, which wrk then need not be asked for.
local paths = {}
local at = 0

function init(args)
  if args[1] == nil then return end
  for path in io.lines(args[1]) do
    paths[#paths + 1] = wrk.format("GET", path)
  end
  request = function()
    at = at % #paths + 1
    return paths[at]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"us":%d,"p50":%.3f,"p99":%.3f,"refused":%d,"failed":%d}\n',
    summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
