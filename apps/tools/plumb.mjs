// plumb.mjs - the component around an app's core module.
//
// A core module that defines its own memory can only be lowered to through
// trampolines: the host functions need the memory before the module exists.
// wasm-tools therefore adds two more modules and a table to every component,
// and each host call goes through an indirect call.  Here memory and allocator
// are a small module of their own, instantiated first, so that every import is
// lowered directly:
//
//   mem  = instantiate the allocator (memory, cabi_realloc, mark, release)
//   host = canon lower of every import, with mem's memory and cabi_realloc
//   app  = instantiate the app with mem and host
//   export the lift of what the app exports
//
// The types, imports and the final export are taken from the component that
// wasm-tools makes for a stand-in with the same imports; core import names
// become short, since nobody outside sees them.
import { CORE, Reader, bytes, join, list, name, readCore, sections, u32 }
  from './binary.mjs';

const SECTION = { custom: 0, coreModule: 1, coreInstance: 2, component: 4, alias: 6, canon: 8 };
const SORT = { core: 0, func: 0x00, memory: 0x02, instance: 0x12 };
const HOST = 'h', MEM = 'mem';

// The allocator: see the memory model in sdk/std.h.
const allocator = (pages, heap) => `(module
  (memory (export "memory") ${pages})
  (global $top (mut i32) (i32.const ${heap}))
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32) (local $end i32) (local $have i32)
    (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (if (i32.lt_u (local.get $end) (local.get $at)) (then unreachable))
    (local.set $have (i32.shl (memory.size) (i32.const 16)))
    (if (i32.gt_u (local.get $end) (local.get $have))
      (then (if (i32.lt_s (memory.grow (i32.shr_u (i32.add (i32.sub (local.get $end)
          (local.get $have)) (i32.const 65535)) (i32.const 16))) (i32.const 0))
        (then unreachable))))
    (global.set $top (local.get $end))
    (local.get $at))
  (func (export "cabi_realloc") (param $old i32) (param $have i32) (param $align i32)
      (param $size i32) (result i32) (local $at i32)
    (local.set $at (call $alloc (local.get $size)))
    (memory.copy (local.get $at) (local.get $old) (local.get $have))
    (local.get $at))
  (func (export "mark") (result i32) (global.get $top))
  (func (export "release") (param i32) (global.set $top (local.get 0))))`;

export function standIn(core) {
  const list = (kind, types) => types.length ? ` (${kind} ${types.join(' ')})` : '';
  const signature = t => list('param', core.types[t].params) + list('result', core.types[t].results);
  const host = core.imports.filter(i => i.kind === 0 && i.module !== MEM);
  const exported = core.exports.filter(e => e.kind === 0);
  return `(module
    ${host.map(i => `(import "${i.module}" "${i.field}" (func${signature(i.type)}))`).join('\n')}
    (memory (export "memory") 1)
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
    ${exported.map(e => `(func (export "${e.field}")${signature(core.functions[e.index])} unreachable)`).join('\n')})`;
}

export const memoryModule = core => allocator(
  core.imports.find(i => i.kind === 2).memory.min,
  core.globals[core.exports.find(e => e.field === '__heap_base').index]);

// ---- the app's core module: short import names, only the real exports ----

function shorten(file, core, short) {
  const body = list(core.imports.map(i => Buffer.concat([
    name(i.kind === 2 || i.module === MEM ? MEM : HOST),
    name(i.kind === 2 ? 'memory' : i.module === MEM ? i.field : short.get(`${i.module} ${i.field}`)),
    i.raw])));
  const exported = list(core.exports.filter(e => e.kind === 0).map(e =>
    Buffer.concat([name(e.field), bytes(e.kind), u32(e.index)])));
  return join(file, core.sections.filter(s => s.id !== CORE.custom).map(s =>
    s.id === CORE.import ? { ...s, body }
      : s.id === CORE.export ? { ...s, body: exported } : s));
}

// ---- what the stand-in's component says ----------------------------------

function readAlias(r) {
  const start = r.at, sort = r.byte(), coreSort = sort === SORT.core ? r.byte() : 0;
  const kind = r.byte();
  const a = { sort, coreSort, kind };
  if (kind === 0 || kind === 1) Object.assign(a, { instance: r.u32(), field: r.name() });
  else { r.u32(); r.u32(); }
  return { ...a, isCore: kind === 1, raw: Buffer.from(r.bytes.subarray(start, r.at)) };
}

const OPTION = { memory: 3, realloc: 4, postReturn: 5 };

function readCanon(r) {
  const kind = r.byte(), c = { kind };
  const options = () => r.list(r => {
    const id = r.byte();
    return { id, value: id >= OPTION.memory && id <= OPTION.postReturn ? r.u32() : undefined };
  });
  if (kind === 0) { r.byte(); Object.assign(c, { func: r.u32(), options: options(), type: r.u32() }); } // lift
  else if (kind === 1) { r.byte(); Object.assign(c, { func: r.u32(), options: options() }); } // lower
  else if (kind === 3) c.type = r.u32();             // resource.drop
  else throw new Error(`canonical function of kind ${kind}`);
  return c;
}

function readCoreInstances(r) {
  const kind = r.byte();
  if (kind === 0) {
    const module = r.u32();
    return { module, args: r.list(r => { const n = r.name(); r.byte(); return [n, r.u32()]; }) };
  }
  return { exports: r.list(r => ({ field: r.name(), sort: r.byte(), index: r.u32() })) };
}

// Follows the stand-in's plumbing and answers, for each of its own canonical
// functions, under which "module field" the app imports it.
function traceImports(file) {
  const coreFuncs = [], instances = [];
  for (const s of sections(file)) {
    const r = new Reader(s.body);
    if (s.id === SECTION.coreInstance) instances.push(...r.list(readCoreInstances));
    if (s.id === SECTION.alias)
      for (const a of r.list(readAlias))
        if (a.isCore && a.coreSort === SORT.func) coreFuncs.push({ alias: a });
    if (s.id === SECTION.canon)
      for (const c of r.list(readCanon)) if (c.kind !== 0) coreFuncs.push({ canon: c });
  }
  const fixup = instances.find(i => i.exports?.some(e => e.field === '$imports'));
  const resolve = index => coreFuncs[index].canon ??
    coreFuncs[fixup.exports.find(e => e.field === coreFuncs[index].alias.field).index].canon;
  const app = instances.find(i => i.args && i.module === 0);
  const order = coreFuncs.filter(f => f.canon).map(f => f.canon);
  const names = new Map();
  for (const [module, instance] of app.args)
    for (const e of instances[instance].exports)
      names.set(order.indexOf(resolve(e.index)), `${module} ${e.field}`);
  return names;
}

// ---- the component --------------------------------------------------------

const CORE_FUNC_REALLOC = 0, INSTANCE = { mem: 0, host: 1, app: 2 };
const coreAlias = (sort, instance, field) =>
  Buffer.concat([bytes(SORT.core, sort, 1), u32(instance), name(field)]);
const instantiate = (module, args) => Buffer.concat([bytes(0), u32(module),
  list(args.map(([n, i]) => Buffer.concat([name(n), bytes(SORT.instance), u32(i)])))]);

function writeCanon(c, coreFunc) {
  if (c.kind === 3) return Buffer.concat([bytes(3), u32(c.type)]);
  const options = list(c.options.map(o => Buffer.concat([bytes(o.id),
    o.id === OPTION.memory ? u32(0) : o.id === OPTION.realloc ? u32(CORE_FUNC_REALLOC) : bytes()])));
  return c.kind === 1 ? Buffer.concat([bytes(1, 0), u32(c.func), options])
    : Buffer.concat([bytes(0, 0), u32(coreFunc), options, u32(c.type)]);
}

// A nested component only lifts the exports: drop its names, keep the rest.
const unnamed = file => join(file, sections(file).filter(s => s.id !== SECTION.custom));

export function plumb(model, appFile, core, memFile) {
  const names = traceImports(model);
  const short = new Map([...names.values()].map((n, i) => [n, i.toString(36)]));
  const out = [], add = (id, body) => out.push({ id, body });
  const one = (id, item) => add(id, list([item]));
  let placed = false, canons = 0;
  // One section each for what the host is lowered by: headers cost bytes.
  const late = { [SECTION.alias]: [], [SECTION.canon]: [] };
  const lifted = [];          // exports of the app, lifted at the end
  const place = () => {
    placed = true;
    add(SECTION.coreModule, memFile);
    add(SECTION.coreModule, shorten(appFile, core, short));
    one(SECTION.coreInstance, instantiate(0, []));
    add(SECTION.alias, list([coreAlias(SORT.memory, INSTANCE.mem, 'memory'),
      coreAlias(SORT.func, INSTANCE.mem, 'cabi_realloc')]));
  };
  const flush = () => {
    for (const id of [SECTION.alias, SECTION.canon])
      if (late[id].length) add(id, list(late[id].splice(0)));
  };
  const finish = () => {
    flush();
    const exports = [...names].map(([index, n]) => Buffer.concat(
      [name(short.get(n)), bytes(SORT.func), u32(index + 1)]));
    add(SECTION.coreInstance, list([Buffer.concat([bytes(1), list(exports)]),
      instantiate(1, [[MEM, INSTANCE.mem], [HOST, INSTANCE.host]])]));
  };
  const total = names.size;
  let finished = false;
  for (const s of sections(model)) {
    const r = new Reader(s.body);
    if (s.id === SECTION.custom || s.id === SECTION.coreInstance) continue;
    if (s.id === SECTION.coreModule) { if (!placed) place(); continue; }
    if (s.id === SECTION.component) { add(s.id, unnamed(s.body)); continue; }
    if (s.id === SECTION.alias) {
      const all = r.list(readAlias), kept = all.filter(a => !a.isCore).map(a => a.raw);
      if (placed && !finished) late[s.id].push(...kept);
      else if (kept.length) add(s.id, list(kept));
      lifted.push(...all.filter(a => a.isCore && a.coreSort === SORT.func).map(a => a.field)
        .filter(f => core.exports.some(e => e.kind === 0 && e.field === f)));
      continue;
    }
    if (s.id === SECTION.canon) {
      for (const c of r.list(readCanon)) {
        if (c.kind !== 0) { late[s.id].push(writeCanon(c)); canons++; continue; }
        if (canons !== total) throw new Error('a lift before the last import');
        if (!finished) { finish(); finished = true; }
        one(SECTION.alias, coreAlias(SORT.func, INSTANCE.app, lifted.at(-1)));
        one(s.id, writeCanon(c, ++canons));
      }
      continue;
    }
    flush(); // types count on from those that aliases have made
    out.push(s);
  }
  return join(model, merge(out));
}

// Neighbouring sections of the same kind become one, as far as they are lists.
function merge(all) {
  const out = [];
  for (const s of all) {
    const last = out.at(-1);
    if (!last || last.id !== s.id || ![SECTION.alias, SECTION.canon].includes(s.id)) {
      out.push(s);
      continue;
    }
    const [a, b] = [new Reader(last.body), new Reader(s.body)];
    const count = a.u32() + b.u32();
    last.body = Buffer.concat([u32(count), last.body.subarray(a.at), s.body.subarray(b.at)]);
  }
  return out;
}
