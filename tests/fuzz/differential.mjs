// Generates modules and compares what this engine makes of them with V8.
//
//   node differential.mjs ORACLE WASM_OPT SECONDS SEED OUTDIR
//
// Modules come from binaryen's fuzzer (wasm-opt -ttf).  ORACLE is oracle.c,
// whose output this program reproduces in V8, line by line.  A difference is
// kept in OUTDIR and reported as a TAP failure.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const [, , oracle, wasmOpt, seconds, firstSeed, outdir] = process.argv;

// What 3.0 has and V8 runs without flags; NaN bits are taken out by --denan.
const GENERATE = ['-ttf', '--denan', '-all', '--disable-custom-descriptors',
    '--disable-shared-everything', '--disable-stack-switching',
    '--disable-strings', '--disable-relaxed-simd', '--disable-threads',
    '--disable-fp16', '--disable-multibyte', '--disable-custom-page-sizes',
    '--disable-compact-imports', '--disable-relaxed-atomics'];

function* randomBytes(seed) { // xorshift32
    let x = seed * 2654435761 >>> 0 || 1;
    for (;;) {
        x ^= x << 13; x >>>= 0;
        x ^= x >>> 17;
        x ^= x << 5; x >>>= 0;
        yield x & 255;
    }
}

function generate(seed, file) {
    const random = randomBytes(seed);
    const size = 200 + (random.next().value * 256 + random.next().value) % 8000;
    const input = Buffer.alloc(size);
    for (let i = 0; i < size; i++) input[i] = random.next().value;
    fs.writeFileSync(file + '.in', input);
    const level = ['-O0', '-O1', '-O2', '-Os'][seed % 4];
    const r = spawnSync(process.execPath,
        [wasmOpt, file + '.in', ...options, level, '-o', file],
        { encoding: 'utf8' });
    return r.status === 0 ? '' : r.stderr;
}

// binaryen's releases differ in the features they know.
let options = GENERATE;
function dropUnknownOption(message) {
    const unknown = /Unknown option '(--[a-z0-9-]+)'/.exec(message)?.[1];
    options = options.filter(o => o !== unknown);
    return unknown !== undefined;
}

const view = new DataView(new ArrayBuffer(8));
function text(type, value) {
    switch (type) {
    case 'f32':
        view.setFloat32(0, value);
        return Number.isNaN(value) ? 'nan'
            : view.getUint32(0).toString(16).padStart(8, '0');
    case 'f64':
        view.setFloat64(0, value);
        return Number.isNaN(value) ? 'nan'
            : view.getBigUint64(0).toString(16).padStart(16, '0');
    default:
        return value === null ? 'null' : 'ref';
    }
}

// JavaScript does not say whether a number is an f32, f64 or i32, so numbers
// are written in the oracle's own form: whatever it printed, if it means the
// same.
// An i31 reaches JavaScript as a number.
function same(expected, value) {
    if (expected === 'ref') return value !== null && value !== undefined;
    if (typeof value === 'bigint') return expected === String(value);
    if (typeof value === 'number')
        return expected === String(value)
            || expected === text('f32', value)
            || expected === text('f64', value);
    return expected === text('ref', value ?? null);
}

const isExhausted = e => e instanceof RangeError
    || /too large|out of memory|maximum/i.test(e.message);

const zeros = { i: 0, l: 0n, f: 0, d: 0, r: null };

class Difference extends Error {}

// Follows the oracle's lines; throws a Difference where V8 does otherwise.
function compare(bytes, lines) {
    const module = new WebAssembly.Module(bytes);
    let at = 0;
    const resultTypes = {};
    for (let m; (m = /^results (\d+) (\w+)$/.exec(lines[at] ?? '')); at++)
        resultTypes[m[1]] = m[2];
    const expect = (got, values) => {
        const line = lines[at++] ?? '(the end)';
        const words = line.split(' ');
        const good = line.startsWith(got) && (values === undefined
            || words.length === values.length + got.split(' ').length
            && values.every((v, i) => same(words[words.length - values.length + i], v)));
        if (!good && line !== 'exhausted')
            throw new Difference(`line ${at}: vyoma: ${line}; V8: ${got} `
                + (values ?? []).map(String).join(' '));
        if (line === 'exhausted') throw new RangeError('exhausted');
    };
    const imports = {};
    WebAssembly.Module.imports(module).forEach((im, i) => {
        imports[im.module] ??= {};
        imports[im.module][im.name] = im.kind === 'function'
            ? (...args) => {
                expect(`import ${i}`, args);
                const values = [...resultTypes[i] ?? ''].map(t => zeros[t]);
                return values.length > 1 ? values : values[0];
            }
            : { any: 'object' };
    });
    const attempt = action => {
        try {
            return action();
        } catch (e) {
            if (e instanceof Difference) throw e;
            if (isExhausted(e)) throw e;
            if (e instanceof WebAssembly.RuntimeError) { expect('trap'); return; }
            expect('exception');
        }
    };
    let instance;
    const start = lines.findIndex(l => l.startsWith('start '));
    if (start >= 0) {
        lines[start] = lines[start].slice(6);
        attempt(() => { instance = new WebAssembly.Instance(module, imports); });
        if (instance) throw new Difference('V8 instantiates; vyoma does not');
        return;
    }
    instance = new WebAssembly.Instance(module, imports);
    const exports = WebAssembly.Module.exports(module);
    while (at < lines.length) {
        const [, index, types] = /^call (\d+) (\w*)$/.exec(lines[at++]) ?? [];
        if (index === undefined)
            throw new Difference(`line ${at}: unexpected: ${lines[at - 1]}`);
        attempt(() => {
            const f = instance.exports[exports[index].name];
            const value = f(...[...types].map(t => zeros[t]));
            expect('result', value === undefined ? []
                : Array.isArray(value) ? value : [value]);
        });
    }
}

const reasons = {};
function skip(why) {
    reasons[why] = (reasons[why] ?? 0) + 1;
    return false;
}

function check(file) {
    const bytes = fs.readFileSync(file);
    const valid = WebAssembly.validate(bytes);
    const run = spawnSync(oracle, [file],
        { encoding: 'utf8', timeout: 60000, maxBuffer: 1 << 28 });
    if (run.status !== 0)
        throw new Difference(`vyoma died: ${run.signal ?? run.status} ${run.stderr.slice(0, 300)}`);
    const lines = run.stdout.split('\n').filter(l => l);
    if (lines[0]?.startsWith('invalid')) {
        if (valid) throw new Difference(`V8 accepts: ${lines[0]}`);
        return skip('neither accepts it');
    }
    if (!valid) return skip('V8 does not accept it');
    if (lines.some(l => l.startsWith('skip'))) return skip('its imports');
    compare(bytes, lines);
    return true;
}

let seed = Number(firstSeed), compared = 0, skipped = 0, bad = 0;
const end = Date.now() + 1000 * Number(seconds);
fs.mkdirSync(outdir, { recursive: true });
for (; Date.now() < end; seed++) {
    const file = path.join(outdir, `${seed}.wasm`);
    let message = generate(seed, file);
    while (message && dropUnknownOption(message)) message = generate(seed, file);
    if (message) { console.log(`# seed ${seed}: ${message.slice(0, 200)}`); skipped++; continue; }
    try {
        if (check(file)) compared++; else skipped++;
    } catch (e) {
        if (e instanceof Difference) {
            bad++;
            console.log(`not ok - seed ${seed} (${file}): ${e.message}`);
            continue; // the file is kept
        }
        if (isExhausted(e)) compared++;
        else { skipped++; console.log(`# seed ${seed}: ${e.message}`); }
    }
    fs.rmSync(file);
    fs.rmSync(file + '.in', { force: true });
}
if (!bad) console.log(`ok - ${compared} generated modules agree with V8 `
    + `${process.versions.v8} (${skipped} not comparable: ${JSON.stringify(reasons)}, `
    + `seeds up to ${seed - 1})`);
process.exit(bad ? 1 : 0);
