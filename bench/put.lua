-- A PUT with a number of its own for every request; KIND says whether it locks (spread, hot, or each in a new team) or settles from S<FROM> on.
local threads, kind, from = 0, os.getenv("KIND"), tonumber(os.getenv("FROM") or 0)
local teams = tonumber(os.getenv("TEAMS") or 1000)
local headers = {["authorization"] = "Bearer bench-key", ["content-type"] = "application/json"}
function setup(thread) thread:set("id", threads); threads = threads + 1 end
function init() n = 0; math.randomseed(os.time() * 10 + id); run = os.time() % 1000000 .. "-" .. math.random(1000, 9999) .. "-" end
function request()
  n = n + 1
  if kind == "settle_spread" then
    return wrk.format("PUT", "/v1/seats/S" .. from + n .. "/settlement", headers, '{"paid_at":"' .. os.getenv("PAID_AT") .. '"}')
  end
  if kind == "lock_open" then
    return wrk.format("PUT", "/v1/seats/T" .. run .. n, headers, string.format(
      '{"buyer_id":"b%.0f","campaign_id":"c1","goods_id":"g1","channel":"app"}', math.random(1, 9000000000000000)))
  end
  local team = kind == "lock_hot" and 1 or math.random(1, teams)
  local body = string.format('{"buyer_id":"b%.0f","campaign_id":"c1","goods_id":"g1","channel":"app","team_id":"team-%031d"}', math.random(1, 9000000000000000), team)
  return wrk.format("PUT", "/v1/seats/T" .. run .. n, headers, body)
end
function done(summary, latency)
  io.write(string.format('{"rate":%.0f,"p50_ms":%.2f,"p99_ms":%.2f,"bad":%d}\n', summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status + summary.errors.timeout + summary.errors.connect))
end
