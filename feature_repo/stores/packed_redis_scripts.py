"""What runs inside Redis, atomically: writing records if they are newer, and clearing old ones.

Both find a view's offset in its state (``packed_redis_state.py``): zero or more is its place in the
entities' strings, -1 says that the view has strings of its own. Times are compared as bytes.
"""

_SHARED = """
local function is_before(a, b, first, last)
    for i = first, last do
        local x, y = a:byte(i), b:byte(i)
        if x ~= y then return x < y end
    end
    return false
end
local function is_known(until_, old)
    return until_ ~= '' and not is_before(until_, old, 1, 8)
        and not is_before(until_, old:sub(9, 16), 1, 8)
end
local n = #KEYS - 2
local state = redis.call('hget', KEYS[#KEYS], ARGV[1])
if not state then return redis.error_reply('view ' .. ARGV[1] .. ' is not prepared') end
local offset, width = struct.unpack('<i4i4', state, 25)
local strings = redis.call('mget', unpack(KEYS, 1, n))
local function held(i)
    local whole = strings[i] or ''
    if offset < 0 then return whole end
    return whole:sub(offset + 1, offset + width)
end
"""

# KEYS: the records' strings, the view's keys, the states. ARGV: view, until when a known record
# makes way or "", the newest event pushed or "", then records, then keys. How many it wrote.
WRITE = (
    _SHARED
    + """
local changed, added = {}, {}
for i = 1, n do
    local record, old = ARGV[3 + i], held(i)
    local is_new = #old < 24 or record:sub(17, 24) ~= old:sub(17, 24)
    if is_new then
        added[#added + 1] = 0
        added[#added + 1] = ARGV[3 + n + i]
    end
    if is_new or (record ~= old
        and (not is_before(record, old, 1, 16) or is_known(ARGV[2], old))) then
        if offset >= 0 then
            local whole = strings[i] or ''
            local before, after = whole:sub(1, offset), whole:sub(offset + width + 1)
            record = before .. string.rep('\0', offset - #before) .. record .. after
        end
        changed[#changed + 1] = KEYS[i]
        changed[#changed + 1] = record
    end
end
if #changed > 0 then redis.call('mset', unpack(changed)) end
if #added > 0 then redis.call('zadd', KEYS[n + 1], unpack(added)) end
if ARGV[3] ~= '' and is_before(state:sub(17, 24), ARGV[3], 1, 8) then
    redis.call('hset', KEYS[n + 2], ARGV[1], state:sub(1, 16) .. ARGV[3] .. state:sub(25))
end
return #changed / 2
"""
)

# KEYS: the records' strings, the view's keys, the states. ARGV: view, until when a known record
# goes, then keys. How many records went; a string that holds nothing else is deleted.
CLEAR = (
    _SHARED
    + """
local cleared = 0
for i = 1, n do
    local old = held(i)
    if #old < 24 or old:sub(17, 24) ~= state:sub(1, 8) or is_known(ARGV[2], old) then
        cleared = cleared + redis.call('zrem', KEYS[n + 1], ARGV[2 + i])
        if offset < 0 then redis.call('del', KEYS[i])
        elseif #old > 0 then
            local rest = redis.call('strlen', KEYS[i]) - offset
            local zeros = string.rep('\\0', math.min(width, rest))
            redis.call('setrange', KEYS[i], offset, zeros)
            if not redis.call('get', KEYS[i]):find('[^%z]') then redis.call('del', KEYS[i]) end
        end
    end
end
return cleared
"""
)
