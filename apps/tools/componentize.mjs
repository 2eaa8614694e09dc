#!/usr/bin/env node
// componentize.mjs CORE.wasm WORLD.wit OUT.wasm WITDIR...
//
// Makes a component of a core module that was linked with --import-memory and
// allocates through the SDK: binaryen makes the module small, wasm-tools (both
// from npm) types the imports of the world that WORLD.wit declares, and
// plumb.mjs connects the parts.
// WITDIRs hold the packages that the world may refer to, a folder or a file
// each; only those that it needs, directly or not, are taken.
import fs from 'node:fs';
import path from 'node:path';
import { componentEmbed, componentNew, parse }
  from '@bytecodealliance/jco-transpile/wasm-tools';
import binaryen from 'binaryen';
import { readCore } from './binary.mjs';
import { memoryModule, plumb, standIn } from './plumb.mjs';

const [, , core, world, out, ...witDirs] = process.argv;
if (!witDirs.length) {
  console.error('usage: componentize.mjs CORE.wasm WORLD.wit OUT.wasm WITDIR...');
  process.exit(2);
}

const PACKAGE = /^\s*package\s+([a-z0-9:\/-]+?)(@[0-9a-z.+-]+)?\s*;/m;
const strip = text => text.replace(/\/\*[\s\S]*?\*\//g, '')
  .replace(/\/\/.*$/gm, '');

// A package is spread over the files of one folder (or is one file); only one
// of them needs to name it.
function packagesIn(dir) {
  const found = new Map();
  const add = files => {
    const texts = files.map(f => strip(fs.readFileSync(f, 'utf8')));
    const named = texts.map(t => t.match(PACKAGE)).find(m => m);
    if (!named) return;
    found.set(named[1], {
      id: named[1] + (named[2] ?? ''),
      text: texts.map(t => t.replace(PACKAGE, '')).join('\n'),
    });
  };
  const entries = fs.readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const files = entries.filter(e => e.name.endsWith('.wit'))
    .map(e => path.join(dir, e.name));
  const heads = files.filter(f => PACKAGE.test(strip(fs.readFileSync(f, 'utf8'))));
  const ids = new Set(heads.map(f => strip(fs.readFileSync(f, 'utf8')).match(PACKAGE)[1]));
  if (ids.size > 1) heads.forEach(f => add([f])); // a folder of packages
  else if (files.length) add(files);              // a package in a folder
  for (const e of entries.filter(e => e.isDirectory()))
    for (const [name, pkg] of packagesIn(path.join(dir, e.name))) found.set(name, pkg);
  return found;
}

const known = new Map(witDirs.flatMap(d => [...packagesIn(d)]));
const root = strip(fs.readFileSync(world, 'utf8'));
const needed = new Map();
const visit = text => {
  for (const [, name] of text.matchAll(/\b([a-z0-9-]+:[a-z0-9-]+)\//g)) {
    if (needed.has(name)) continue;
    const pkg = known.get(name);
    if (!pkg) throw new Error(`${world}: no package ${name} in ${witDirs.join(', ')}`);
    needed.set(name, pkg);
    visit(pkg.text);
  }
};

function optimize(bytes) {
  const module = binaryen.readBinary(bytes);
  module.setFeatures(binaryen.Features.All);
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  for (let size = Infinity, now; (now = module.emitBinary().length) < size; size = now)
    module.optimize();
  return module.emitBinary();
}

async function main() {
  visit(root);
  const source = root + [...needed.values()]
    .map(p => `\npackage ${p.id} {\n${p.text}\n}\n`).join('');
  const app = Buffer.from(optimize(fs.readFileSync(core)));
  const parts = readCore(app);
  const embedded = await componentEmbed({
    binary: await parse(standIn(parts)),
    witSource: source,
    stringEncoding: 'utf8',
  });
  const model = Buffer.from(await componentNew(embedded));
  const memory = optimize(await parse(memoryModule(parts)));
  fs.writeFileSync(out, plumb(model, app, parts, Buffer.from(memory)));
}

try {
  await main();
} catch (e) {
  console.error(`${world}: ${e.payload ?? e.message ?? e}`);
  process.exit(1);
}
