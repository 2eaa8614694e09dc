// Runs guest.wat's exports on node, as jco transpiled them; see driver.c.
// Standard output is the guest's; the result goes to standard error.
import fs from 'node:fs';
import path from 'node:path';
import url from 'node:url';

const REPEATS = 5;
const [, , script, ...kinds] = process.argv;
const guest = await import(url.pathToFileURL(path.resolve(script)));

function call(func, n) {
  const start = process.cpuUsage();
  func(n);
  const used = process.cpuUsage(start);
  return (used.user + used.system) * 1e3;
}

function measure(func) {
  let n = 16;
  while (call(func, n) < 1e8) n *= 2;
  const times = Array.from({ length: REPEATS }, () => call(func, n) / n);
  return times.sort((a, b) => a - b)[REPEATS >> 1];
}

const camel = kind => kind.replace(/-(.)/g, (_, c) => c.toUpperCase());
const result = {};
for (const kind of kinds) result[kind] = measure(guest[camel(kind)]);
fs.writeSync(2, '\n' + JSON.stringify(result) + '\n');
process.exit(0);
