#!/usr/bin/env node
// wat2wasm.mjs IN.wat OUT.wasm - a text module or component to its binary, by
// wasm-tools' parser from npm.
import fs from 'node:fs';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const [, , input, output] = process.argv;
if (!output) {
  console.error('usage: wat2wasm.mjs IN.wat OUT.wasm');
  process.exit(2);
}
fs.writeFileSync(output, await parse(fs.readFileSync(input, 'utf8')));
