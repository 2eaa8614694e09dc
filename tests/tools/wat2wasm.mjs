#!/usr/bin/env node
// wat2wasm.mjs IN.wat OUT.wasm ... - text modules or components to their
// binaries, by wasm-tools' parser from npm.
import fs from 'node:fs';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const files = process.argv.slice(2);
if (!files.length || files.length % 2) {
  console.error('usage: wat2wasm.mjs IN.wat OUT.wasm [IN.wat OUT.wasm ...]');
  process.exit(2);
}
for (let i = 0; i < files.length; i += 2) {
  try {
    fs.writeFileSync(files[i + 1], await parse(fs.readFileSync(files[i], 'utf8')));
  } catch (e) {
    console.error(`${files[i]}: ${e.message}`);
    process.exit(1);
  }
}
