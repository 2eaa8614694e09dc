// build.mjs - makes the components that tests/wasi runs.
//
//   node build.mjs adapt IN.wasm OUT.wasm [IN OUT]...   preview 1 -> preview 2
//   node build.mjs js SOURCE.js WIT-FOLDER WORLD OUT.wasm
//   node build.mjs wat IN.wat OUT.wasm
//   node build.mjs embed CORE.wasm WIT-FOLDER WORLD OUT.wasm
import fs from 'node:fs';
import fsp from 'node:fs/promises';
import {syncBuiltinESMExports} from 'node:module';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const [, , command, ...args] = process.argv;
// the newest jco has the newest adapter, this one takes a path to WIT
const WASM_TOOLS = '@bytecodealliance/jco-transpile/wasm-tools';

async function adapt(pairs) {
  const {componentNew} = await import(WASM_TOOLS);
  const adapter = fs.readFileSync(path.join(here,
      'node_modules/@bytecodealliance/jco/lib',
      'wasi_snapshot_preview1.command.wasm'));
  for (let i = 0; i < pairs.length; i += 2) {
    const core = fs.readFileSync(pairs[i]);
    fs.writeFileSync(pairs[i + 1], await componentNew(
        core, [['wasi_snapshot_preview1', adapter]]));
  }
}

// componentize-js 0.19.3 makes no class for a resource without methods, and
// then misses it: wasi:sockets' network.  Its glue gets one on the way to disk.
function mendGlue() {
  const write = fsp.writeFile;
  fsp.writeFile = (file, data, ...rest) => write(file,
      String(file).endsWith('initializer.js') ?
        `class import_network_0_2_12$Network {}\n${data}` : data, ...rest);
  syncBuiltinESMExports();
}

async function javascript([source, witPath, worldName, out]) {
  mendGlue();
  const {componentize} = await import('@bytecodealliance/componentize-js');
  const {component} = await componentize(fs.readFileSync(source, 'utf8'),
      {witPath: path.resolve(witPath), worldName});
  fs.writeFileSync(out, component);
}

async function wat([source, out]) {
  const {parse} = await import(WASM_TOOLS);
  fs.writeFileSync(out, await parse(fs.readFileSync(source, 'utf8')));
}

async function embed([core, witPath, world, out]) {
  const {componentEmbed, componentNew} = await import(WASM_TOOLS);
  const binary = await componentEmbed({binary: fs.readFileSync(core),
    witPath: path.resolve(witPath), world});
  fs.writeFileSync(out, await componentNew(binary, []));
}

await {embed, adapt, js: javascript, wat}[command](args);
