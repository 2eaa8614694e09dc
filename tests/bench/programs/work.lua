-- A working day of Lua: closures and recursion, tables as arrays, maps and
-- objects, strings built, searched and replaced.  Prints a line per part.

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

-- Permutations of 1..n by swapping, summed with alternating signs.
local function permute(n)
  local list, sum, sign = {}, 0, 1
  for i = 1, n do list[i] = i end
  local function go(k)
    if k == n then
      sum, sign = sum + sign * list[1] * list[n], -sign
      return
    end
    for i = k, n do
      list[k], list[i] = list[i], list[k]
      go(k + 1)
      list[k], list[i] = list[i], list[k]
    end
  end
  go(1)
  return sum
end

local function random(seed)
  return function(limit)
    seed = (seed * 16807) % 2147483647
    return seed % limit
  end
end

-- Objects with inheritance: accounts that charge for what they do.
local Account = {}
Account.__index = Account
function Account.new(class, balance)
  return setmetatable({ balance = balance, moves = 0 }, class)
end
function Account:move(amount)
  self.balance = self.balance + amount - self:fee(amount)
  self.moves = self.moves + 1
end
function Account:fee(amount) return 0 end

local Charged = setmetatable({}, { __index = Account })
Charged.__index = Charged
function Charged:fee(amount) return amount % 7 end

local function accounts(count, moves)
  local next, all, total = random(42), {}, 0
  for i = 1, count do
    all[i] = (i % 3 == 0 and Charged or Account):new(i)
  end
  for _ = 1, moves do all[next(count) + 1]:move(next(100)) end
  for _, a in ipairs(all) do total = total + a.balance * a.moves end
  return total
end

local function sorted(count)
  local next, list, check = random(7), {}, 0
  for i = 1, count do list[i] = next(1000000) end
  table.sort(list, function(a, b) return a % 1000 < b % 1000 or
    (a % 1000 == b % 1000 and a < b) end)
  for i = 1, count do check = (check * 31 + list[i]) % 1000003 end
  return check
end

-- Words of a made-up text: counted in a map, put together, replaced.
local function words(lines)
  local next, text, counts = random(99), {}, {}
  local syllables = { "ka", "lo", "mi", "ne", "ru", "sa", "to", "vy" }
  for i = 1, lines do
    local line = {}
    for j = 1, 8 do
      line[j] = syllables[next(8) + 1] .. syllables[next(8) + 1]
    end
    text[i] = table.concat(line, " ")
  end
  text = table.concat(text, "\n")
  for word in text:gmatch("%a+") do counts[word] = (counts[word] or 0) + 1 end
  local names = {}
  for name in pairs(counts) do names[#names + 1] = name end
  table.sort(names)
  local best = names[1]
  for _, name in ipairs(names) do
    if counts[name] > counts[best] then best = name end
  end
  local changed, n = text:gsub("%f[%a]ka(%a+)", "%1ak")
  return string.format("%d %s %d %d %s", #names, best, n, #changed,
    changed:upper():sub(100, 120):reverse():gsub("\n", " "))
end

local function primes(limit)
  local flags, count = {}, 0
  for i = 2, limit do flags[i] = true end
  for i = 2, limit do
    if flags[i] then
      count = count + 1
      for j = i * i, limit, i do flags[j] = false end
    end
  end
  return count
end

for _ = 1, rounds do
  print("fib", fib(23))
  print("permute", permute(7))
  print("accounts", accounts(300, 60000))
  print("sorted", sorted(6000))
  print("words", words(1200))
  print("primes", primes(100000))
end
