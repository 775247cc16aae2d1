-- Quotes of GOODS goods, q1 and on, for BUYERS buyers of whom every second is in the segment. By chance; with
-- WALK one of the goods after the other, first for buyers within the segment and then for others.
local goods = tonumber(os.getenv("GOODS") or 4)
local walk = os.getenv("WALK")
local buyers = tonumber(os.getenv("BUYERS") or 20000)
local headers = {["authorization"] = "Bearer bench-key", ["content-type"] = "application/json"}
function init() math.randomseed(os.time()) end
local asked = 0
local function walked()
  return asked % goods + 1, 2 * math.random(1, buyers / 2) - math.floor(asked / goods) % 2
end
local function by_chance() return math.random(1, goods), math.random(1, buyers) end
local pick = walk and walked or by_chance
function request()
  asked = asked + 1
  local good, buyer = pick()
  return wrk.format("POST", "/v1/quotes", headers, string.format('{"goods_id":"q%d","channel":"app","buyer_id":"b%d"}',
    good, buyer))
end
function done(summary, latency)
  io.write(string.format('{"rate":%.0f,"p50_ms":%.2f,"p99_ms":%.2f,"bad":%d}\n', summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, summary.errors.status + summary.errors.timeout + summary.errors.connect))
end
