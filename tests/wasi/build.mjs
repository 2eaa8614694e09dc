// build.mjs - makes the components that tests/wasi runs.
//
//   node build.mjs adapt IN.wasm OUT.wasm [IN OUT]...   preview 1 -> preview 2
//   node build.mjs js SOURCE.js WIT-FOLDER WORLD OUT.wasm
//   node build.mjs wat IN.wat OUT.wasm
import fs from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const [, , command, ...args] = process.argv;

async function adapt(pairs) {
  const {componentNew} = await import('@bytecodealliance/jco');
  const adapter = fs.readFileSync(path.join(here,
      'node_modules/@bytecodealliance/jco/lib',
      'wasi_snapshot_preview1.command.wasm'));
  for (let i = 0; i < pairs.length; i += 2) {
    const core = fs.readFileSync(pairs[i]);
    fs.writeFileSync(pairs[i + 1], await componentNew(
        core, [['wasi_snapshot_preview1', adapter]]));
  }
}

async function javascript([source, witPath, worldName, out]) {
  const {componentize} = await import('@bytecodealliance/componentize-js');
  const {component} = await componentize(fs.readFileSync(source, 'utf8'),
      {witPath: path.resolve(witPath), worldName});
  fs.writeFileSync(out, component);
}

async function wat([source, out]) {
  const {parse} = await import('@bytecodealliance/jco');
  fs.writeFileSync(out, await parse(fs.readFileSync(source, 'utf8')));
}

await {adapt, js: javascript, wat}[command](args);
