// stubs.mjs CORE.wasm MODULE OUT.wasm
//
// Makes a core module that exports what CORE.wasm imports from MODULE: for
// libraries that were built for a host which is not there.  The functions that
// old bindings use for resource tables answer the number they are given; all
// others trap.  Put the two together with binaryen's wasm-merge.
import fs from 'node:fs';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { readCore } from './binary.mjs';

const [, , core, module, out] = process.argv;
if (!out) {
  console.error('usage: stubs.mjs CORE.wasm MODULE OUT.wasm');
  process.exit(2);
}

const types = (kind, list) => list.length ? ` (${kind} ${list.join(' ')})` : '';
const body = field => /^resource_(new|get)_/.test(field) ? 'local.get 0'
  : /^resource_drop_/.test(field) ? 'nop' : 'unreachable';
const { imports, types: signatures } = readCore(fs.readFileSync(core));
const functions = imports.filter(i => i.kind === 0 && i.module === module)
  .map(i => {
    const { params, results } = signatures[i.type];
    return `(func (export ${JSON.stringify(i.field)})${types('param', params)}`
      + `${types('result', results)} ${body(i.field)})`;
  });
if (!functions.length) {
  console.error(`${core}: imports nothing from '${module}'; it has: `
    + [...new Set(imports.map(i => i.module))].join(', '));
  process.exit(1);
}
fs.writeFileSync(out, await parse(`(module ${functions.join('\n')})`));
