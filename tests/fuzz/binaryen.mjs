// Runs binaryen's wasm-opt (from npm, compiled to WebAssembly) many times in
// one process: its start-up costs far more than the work on one small module.
//
//   const opt = wasmOpt(PATH_OF_WASM_OPT)
//   const { status, text } = await opt(['-ttf', 'in', '-o', 'out'])
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const START = 'createWasm();run();';

export function wasmOpt(file) {
    const source = fs.readFileSync(file, 'utf8').replace(/^#!.*/, '');
    const end = source.lastIndexOf(START);
    if (end < 0) throw new Error(`${file}: not the program that is expected`);
    const names = ['Module', 'process', 'require', 'module', '__filename',
        '__dirname', 'console', 'onlyBinary'];
    // with onlyBinary, the embedded WebAssembly instead of a run
    const program = new Function(...names, source.slice(0, end)
        + `if (onlyBinary) return findWasmBinary();${START}`);
    // what it writes to standard output and error is kept instead
    let text = '';
    const fakeFs = Object.create(fs, {
        writeSync: {
            value(fd, data, ...rest) {
                if (fd > 2) return fs.writeSync(fd, data, ...rest);
                const [from, length] = rest;
                text += Buffer.from(data.buffer ?? data, data.byteOffset ?? 0)
                    .subarray(from ?? 0, (from ?? 0) + (length ?? data.length));
                return length ?? data.length;
            },
        },
    });
    const write = line => { text += `${line}\n`; };
    const fakeConsole = { log: write, error: write, warn: write };
    const require = createRequire(import.meta.url);
    const fakeRequire = name => name.endsWith('fs') ? fakeFs : require(name);
    const run = (Module, fakeProcess, onlyBinary) =>
        program(Module, fakeProcess, fakeRequire, {}, file,
            path.dirname(file), fakeConsole, onlyBinary);
    // an assertion of its own that fails rejects a promise that nobody has
    let failure;
    process.on('unhandledRejection', e => { failure = e; });
    const compiled =
        new WebAssembly.Module(run({}, Object.create(process), true));
    return async args => {
        text = '';
        failure = undefined;
        const fakeProcess = Object.create(process,
            { argv: { value: ['node', file, ...args] },
                exitCode: { value: 0, writable: true } });
        try {
            run({
                instantiateWasm(imports, receive) {
                    receive(new WebAssembly.Instance(compiled, imports),
                        compiled);
                },
            }, fakeProcess, false);
            await new Promise(setImmediate); // it goes on in microtasks only
        } catch (e) {
            failure = e;
        }
        return { status: failure ? 1 : fakeProcess.exitCode,
            text: text + (failure?.message ?? '') };
    };
}
