// binary.mjs - reading and writing the two binary formats, as far as the app
// tools need them: sections, LEB128 numbers, names.
// Core: WebAssembly 3.0, chapter 5. Components: component-model Binary.md.

const HEADER = 8;

export class Reader {
  constructor(bytes, at = 0) { this.bytes = bytes; this.at = at; }
  byte() { return this.bytes[this.at++]; }
  u32() {
    let value = 0, shift = 0, b;
    do { b = this.byte(); value |= (b & 127) << shift; shift += 7; } while (b & 128);
    return value >>> 0;
  }
  take(n) { const s = this.bytes.subarray(this.at, this.at + n); this.at += n; return s; }
  name() { return Buffer.from(this.take(this.u32())).toString('latin1'); }
  list(read) { return Array.from({ length: this.u32() }, () => read(this)); }
  get done() { return this.at >= this.bytes.length; }
}

export const u32 = n => {
  const out = [];
  do { out.push((n & 127) | (n > 127 ? 128 : 0)); n >>>= 7; } while (n);
  return Buffer.from(out);
};
export const bytes = (...list) => Buffer.from(list);
export const name = s => Buffer.concat([u32(s.length), Buffer.from(s, 'latin1')]);
export const list = items => Buffer.concat([u32(items.length), ...items]);

export function sections(file) {
  const r = new Reader(file, HEADER), out = [];
  while (!r.done) out.push({ id: r.byte(), body: Buffer.from(r.take(r.u32())) });
  return out;
}

export const join = (file, list) => Buffer.concat([file.subarray(0, HEADER),
  ...list.flatMap(s => [bytes(s.id), u32(s.body.length), s.body])]);

// ---- core modules -----------------------------------------------------

export const CORE = { custom: 0, type: 1, import: 2, function: 3, export: 7, global: 6 };
const TYPES = { 0x7f: 'i32', 0x7e: 'i64', 0x7d: 'f32', 0x7c: 'f64' };

const limits = r => {
  const flags = r.u32(), min = r.u32();
  if (flags & 1) r.u32();
  return { min };
};

function coreImport(r) {
  const module = r.name(), field = r.name(), start = r.at, kind = r.byte();
  let type, memory;
  if (kind === 0) type = r.u32();
  else if (kind === 2) memory = limits(r);
  else throw new Error(`an app may import functions only, not "${module}" "${field}"`);
  return { module, field, kind, type, memory, raw: Buffer.from(r.bytes.subarray(start, r.at)) };
}

// What the tools need of a core module: its imports, exports and types.
export function readCore(file) {
  const all = sections(file);
  const read = (id, item) => {
    const s = all.find(s => s.id === id);
    return s ? new Reader(s.body).list(item) : [];
  };
  const types = read(CORE.type, r => {
    if (r.byte() !== 0x60) throw new Error('only function types are expected');
    const list = () => r.list(r => TYPES[r.byte()]);
    return { params: list(), results: list() };
  });
  const imports = read(CORE.import, coreImport);
  const functions = [...imports.filter(i => i.kind === 0).map(i => i.type),
    ...read(CORE.function, r => r.u32())];
  const globals = read(CORE.global, r => {
    r.byte(); r.byte();                       // i32, immutable or not
    r.byte();                                 // i32.const
    let value = 0, shift = 0, b;
    do { b = r.byte(); value |= (b & 127) << shift; shift += 7; } while (b & 128);
    r.byte();                                 // end
    return value;
  });
  const exports = read(CORE.export, r => ({ field: r.name(), kind: r.byte(), index: r.u32() }));
  return { types, imports, functions, globals, exports, sections: all };
}
