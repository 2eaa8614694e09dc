// Runs a preview 1 program on V8, with node's own WASI.
// usage: node [V8 flags] node_wasi.mjs PROGRAM.wasm [ARGS]
import fs from 'node:fs';
import { WASI } from 'node:wasi';

const [, , path, ...args] = process.argv;
const wasi = new WASI({ version: 'preview1', args: [path, ...args] });
const module = await WebAssembly.compile(fs.readFileSync(path));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
