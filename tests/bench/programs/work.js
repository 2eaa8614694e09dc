// A working day of JavaScript: objects and closures, arrays and typed arrays,
// maps, regular expressions, JSON, big integers, generators.

function random(seed) {
  return limit => (seed = seed * 16807 % 2147483647) % limit;
}

// Tasks with priorities over a binary heap.
class Heap {
  constructor(less) { this.list = []; this.less = less; }
  push(value) {
    const list = this.list;
    let at = list.length;
    list.push(value);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.less(value, list[up])) break;
      list[at] = list[up];
      at = up;
    }
    list[at] = value;
  }
  pop() {
    const list = this.list, top = list[0], value = list.pop();
    if (!list.length) return top;
    let at = 0;
    for (let next; (next = 2 * at + 1) < list.length; at = next) {
      if (next + 1 < list.length && this.less(list[next + 1], list[next]))
        next++;
      if (!this.less(list[next], value)) break;
      list[at] = list[next];
    }
    list[at] = value;
    return top;
  }
}

function schedule(count) {
  const next = random(5), heap = new Heap((a, b) => a.time < b.time);
  for (let i = 0; i < count; i++) heap.push({ time: next(1e6), id: i });
  let check = 0;
  while (heap.list.length) {
    const task = heap.pop();
    check = (check * 33 + task.id) % 1000003;
    if (task.time % 5 === 0) heap.push({ time: task.time + 1, id: check });
  }
  return check;
}

// Nodes of a graph, shortest ways by breadth.
function reach(size) {
  const next = random(11), graph = new Map();
  for (let i = 0; i < size; i++)
    graph.set(`n${i}`, Array.from({ length: 3 }, () => `n${next(size)}`));
  const depth = new Map([['n0', 0]]), queue = ['n0'];
  for (const name of queue)
    for (const other of graph.get(name))
      if (!depth.has(other)) {
        depth.set(other, depth.get(name) + 1);
        queue.push(other);
      }
  return [...depth.values()].reduce((a, b) => a + b, 0);
}

function life(width, height, steps) {
  let now = new Uint8Array(width * height), then = new Uint8Array(now.length);
  const next = random(3);
  for (let i = 0; i < now.length; i++) now[i] = next(3) === 0 ? 1 : 0;
  for (let s = 0; s < steps; s++) {
    for (let y = 1; y < height - 1; y++)
      for (let x = 1; x < width - 1; x++) {
        const i = y * width + x;
        const n = now[i - 1] + now[i + 1] + now[i - width] + now[i + width] +
          now[i - width - 1] + now[i - width + 1] + now[i + width - 1] +
          now[i + width + 1];
        then[i] = n === 3 || (n === 2 && now[i]) ? 1 : 0;
      }
    [now, then] = [then, now];
  }
  return now.reduce((a, b) => a + b, 0);
}

function text(lines) {
  const next = random(17), names = ['id', 'name', 'size', 'kind'], all = [];
  for (let i = 0; i < lines; i++)
    all.push(names.map(n => `${n}=${next(1000).toString(36)}`).join('; '));
  const joined = all.join('\n');
  let sum = 0;
  for (const found of joined.matchAll(/(\w+)=([a-z]+)(\d*)/g))
    sum += found[1].length * found[2].length + found.index % 13;
  const replaced = joined.replace(/size=(\w+)/g, (_, v) => v.toUpperCase());
  return `${sum} ${replaced.length} ${replaced.split(';').length}`;
}

function json(count) {
  const next = random(23), value = [];
  for (let i = 0; i < count; i++)
    value.push({ id: i, tags: ['a' + next(10), 'b'], at: { x: next(9) / 2 } });
  const back = JSON.parse(JSON.stringify(value));
  return back.filter(v => v.at.x > 2).map(v => v.tags[0].length + v.id)
    .reduce((a, b) => a + b, 0);
}

function* pairs(limit) {
  for (let a = 1; a < limit; a++)
    for (let b = a; b < limit; b += a) yield a ^ b;
}

function generated(limit) {
  let sum = 0;
  for (const value of pairs(limit)) sum += value;
  return sum;
}

function big(n) {
  let value = 1n;
  for (let i = 1n; i <= n; i++) value *= i;
  return String(value).length + String(value % 1000000007n);
}

for (let i = 0; i < rounds; i++) {
  print(`schedule ${schedule(6000)}`);
  print(`reach ${reach(4000)}`);
  print(`life ${life(64, 64, 24)}`);
  print(`text ${text(1200)}`);
  print(`json ${json(2000)}`);
  print(`generated ${generated(3000)}`);
  print(`big ${big(300)}`);
}
