-- The requests of wrk: `wrk -s load.lua URL -- KIND FOLDER`. FOLDER/pairs has a line per conversation (the user's number, the peer's id,
-- the conversation's id), FOLDER/tokens a line per user. Requests are concatenated from prepared parts, so that the load generator
-- uses little CPU time.
local thread_number = 0
function setup(thread)
  thread_number = thread_number + 1
  thread:set("number", thread_number)
end

local people, pairs_of, conversation_of, cursors, prefix, count, next_request = {}, {}, {}, {}, "", 0, nil

local function headers(path, method, token)
  return method .. " " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    .. (token and "Authorization: Bearer " .. token .. "\r\n" or "")
end

local function with_body(body)
  return "Content-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
end

local kinds = {}

-- A message with a key of its own, in a conversation chosen evenly.
function kinds.send(pair)
  return headers("/api/auth/messages", "POST", people[pair.person])
    .. with_body('{"receiver_id":"' .. pair.peer .. '","content":"hello world this is a message","client_message_id":"'
      .. prefix .. string.format("%012d", count) .. '"}')
end

-- The newest 50 messages of a conversation.
function kinds.page(pair)
  return headers("/api/auth/conversations/" .. pair.conversation .. "?limit=50", "GET", people[pair.person]) .. "\r\n"
end

-- A user's 20 newest conversations.
function kinds.list(pair)
  return headers("/api/auth/conversations?limit=20", "GET", people[pair.person]) .. "\r\n"
end

-- The newest 20 of the first user's thousand conversations, and all of them.
function kinds.long_list()
  return headers("/api/auth/conversations?limit=20", "GET", people[1]) .. "\r\n"
end
function kinds.whole_list()
  return headers("/api/auth/conversations", "GET", people[1]) .. "\r\n"
end

-- The second user's first conversation, whose newest 10,000 messages are deleted.
function kinds.hidden_page()
  return headers("/api/auth/conversations/" .. conversation_of[2], "GET", people[2]) .. "\r\n"
end

-- A request that is checked (token, JSON) and refused without the database: a message to the zero id with blank content.
function kinds.noop(pair)
  local body = '{"receiver_id":"00000000-0000-0000-0000-000000000000","content":" "}'
  return headers("/api/auth/messages", "POST", people[pair.person]) .. with_body(body)
end

-- A right password, of one of many accounts: the login throttle limits the attempts per account.
function kinds.login(pair)
  return headers("/api/login/uid", "POST")
    .. with_body('{"uid":"hub_' .. pair.person .. '_0","password":"correct horse battery"}')
end

-- An unknown account, a different one each time: costs the server the same.
function kinds.storm()
  return headers("/api/login/uid", "POST")
    .. with_body('{"uid":"' .. unknown .. string.format("%06d", count) .. '","password":"correct horse battery"}')
end

-- The messages after a known one, as a polling client asks for them.
function kinds.poll(pair)
  return headers("/api/auth/conversations/" .. pair.conversation .. "?limit=50&after=20", "GET", people[pair.person]) .. "\r\n"
end

-- What has changed since the cursor of the first user, who has a thousand conversations, and of the second, who has 20: nothing.
function kinds.sync_many()
  return headers("/api/auth/sync?cursor=" .. cursors[1], "GET", people[1]) .. "\r\n"
end
function kinds.sync_few()
  return headers("/api/auth/sync?cursor=" .. cursors[2], "GET", people[2]) .. "\r\n"
end

-- A mix of the kinds, with pauses in between.
function kinds.mixed(pair)
  local some = { kinds.send, kinds.send, kinds.page, kinds.list, kinds.poll }
  return some[math.random(#some)](pair)
end

function init(args)
  local kind, folder = args[1], args[2]
  for token in io.lines(folder .. "/tokens") do people[#people + 1] = token end
  for line in io.lines(folder .. "/pairs") do
    local person, peer, conversation = line:match("(%S+) (%S+) (%S+)")
    pairs_of[#pairs_of + 1] = { person = tonumber(person), peer = peer, conversation = conversation }
    conversation_of[tonumber(person)] = conversation_of[tonumber(person)] or conversation
  end
  if kind:match("^sync_") then
    for cursor in io.lines(folder .. "/cursors") do cursors[#cursors + 1] = cursor end
  end
  math.randomseed(number * 7919 + os.time())
  prefix = string.format("%08x-%d-", os.time() % 4294967296, number) .. string.format("%06d-", math.random(0, 999999))
  unknown = string.format("unknow%d_%05d_", number, math.random(0, 99999))
  next_request = kinds[kind]
  if kind == "mixed" then
    -- In ms; wrk calls this function if it is defined.
    function delay() return math.random(20, 60) end
  end
end

function request()
  count = count + 1
  return next_request(pairs_of[math.random(#pairs_of)])
end

-- One line for the calling script: answers per second, median and 99th percentile in ms, refusals per second, failed connections.
function done(summary, latency)
  local failed, seconds = summary.errors, summary.duration / 1e6
  io.write(string.format("FIGURES %.1f %.3f %.3f %.1f %d\n", summary.requests / seconds,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, failed.status / seconds,
    failed.connect + failed.read + failed.write + failed.timeout))
end
