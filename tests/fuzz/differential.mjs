// Compares what this engine makes of generated modules with V8.
//
//   node differential.mjs ORACLE WASM_OPT SECONDS SEED OUTDIR [GENERATOR...]
//
// Modules come from binaryen's fuzzer (wasm-opt -ttf) or, when one is named, a
// GENERATOR: a program that is given a seed on its standard input and writes a
// module to its output.  ORACLE is oracle.c, whose output this program
// reproduces in V8, line by line.  A difference is kept in OUTDIR and reported
// as a TAP failure.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { wasmOpt } from './binaryen.mjs';

const [, , oracle, optPath, seconds, firstSeed, outdir, ...generator]
    = process.argv;
const BATCH = 16;

// ---- generating --------------------------------------------------------------

// What 3.0 has and V8 runs without flags; NaN bits are taken out by --denan.
let options = ['-ttf', '--denan', '-all', '--disable-custom-descriptors',
    '--disable-shared-everything', '--disable-stack-switching',
    '--disable-strings', '--disable-relaxed-simd', '--disable-threads',
    '--disable-fp16', '--disable-multibyte', '--disable-custom-page-sizes',
    '--disable-compact-imports', '--disable-wide-arithmetic', '--disable-relaxed-atomics'];
const LEVELS = ['-O0', '-O1', '-O2', '-Os', '-O3', '-O1', '-O0', '-Oz'];

function* randomBytes(seed) { // xorshift32
    let x = seed * 2654435761 >>> 0 || 1;
    for (;;) {
        x ^= x << 13; x >>>= 0;
        x ^= x >>> 17;
        x ^= x << 5; x >>>= 0;
        yield x & 255;
    }
}

function input(seed, least, most) {
    const random = randomBytes(seed);
    const next = () => random.next().value;
    for (let i = 0; i < 8; i++) next();
    const size = least + (next() * 65536 + next() * 256 + next()) % most;
    return Uint8Array.from({ length: size }, next);
}

// binaryen's releases differ in the features they know.
function dropUnknownOption(message) {
    const unknown = /Unknown option '(--[a-z0-9-]+)'/.exec(message)?.[1];
    options = options.filter(o => o !== unknown);
    return unknown !== undefined;
}

const opt = generator.length ? null : wasmOpt(optPath);

// Returns a message when there is no module.
async function generate(seed, file) {
    if (generator.length) {
        const r = spawnSync(generator[0], generator.slice(1),
            { input: input(seed, 100, 4000), maxBuffer: 1 << 26 });
        fs.writeFileSync(file, r.stdout ?? '');
        return r.status === 0 ? '' : String(r.stderr);
    }
    fs.writeFileSync(file + '.in', input(seed, 200, 12000));
    for (;;) {
        // the legacy exceptions and the new ones do not mix in V8
        const exceptions = seed % 8 ? ['--emit-exnref'] : [];
        const r = await opt([file + '.in', ...options, ...exceptions,
            LEVELS[seed % LEVELS.length], '-o', file]);
        if (r.status === 0) return '';
        if (!dropUnknownOption(r.text)) return r.text;
    }
}

// ---- values, in the oracle's words -------------------------------------------

const hostObjects = { 1: { host: 1 }, 2: { host: 2 } };
const view = new DataView(new ArrayBuffer(8));

const hex32 = v => {
    view.setFloat32(0, v);
    return view.getUint32(0).toString(16).padStart(8, '0');
};
const hex64 = v => {
    view.setFloat64(0, v);
    return view.getBigUint64(0).toString(16).padStart(16, '0');
};

function refWord(value) {
    if (value === null || value === undefined) return 'n';
    if (typeof value === 'number') return `s${value}`;
    for (const [n, object] of Object.entries(hostObjects))
        if (value === object) return `h${n}`;
    return 'r';
}

// The word for a value whose type is that of the oracle's word.
function toWord(expected, value) {
    switch (expected[0]) {
    case 'i': return `i${value}`;
    case 'l': return `l${value}`;
    case 'f': return Number.isNaN(value) ? 'fnan' : `f${hex32(value)}`;
    case 'd': return Number.isNaN(value) ? 'dnan' : `d${hex64(value)}`;
    default: return refWord(value);
    }
}

function fromWord(word) {
    const rest = word.slice(1);
    switch (word[0]) {
    case 'i': case 's': return Number(rest);
    case 'l': return BigInt(rest);
    case 'f': view.setUint32(0, parseInt(rest, 16)); return view.getFloat32(0);
    case 'd': view.setBigUint64(0, BigInt(`0x${rest}`));
        return view.getFloat64(0);
    case 'h': return hostObjects[rest];
    case 'n': return null;
    }
    throw new Error(`no value for '${word}'`);
}

const zeros = { i: 0, l: 0n, f: 0, d: 0, r: null };

// ---- ends --------------------------------------------------------------------

// What V8 says, and what the suite (and this engine) says for it.
const TRAPS = [
    [/unreachable/, /^unreachable/],
    [/divide by zero|remainder by zero/, /integer divide by zero/],
    [/divide result unrepresentable/, /integer overflow/],
    [/float unrepresentable/, /invalid conversion to integer|integer overflow/],
    [/memory access out of bounds/, /out of bounds memory access/],
    [/data segment .*out of bounds/, /out of bounds memory access/],
    [/element segment .*out of bounds/, /out of bounds table access/],
    [/table index is out of bounds/,
        /undefined element|out of bounds table access/],
    [/table access out of bounds/,
        /undefined element|out of bounds table access/],
    [/null function or function signature|signature mismatch/,
        /uninitialized element|indirect call type mismatch|null function/],
    [/dereferencing a null pointer/, /null .*reference|uninitialized element/],
    [/illegal cast/, /cast failure/],
    [/array element access out of bounds/, /out of bounds array access/],
    [/length .*out of bounds|array .*out of bounds/,
        /out of bounds (array|memory|table) access/],
];

const isExhausted = e => e instanceof RangeError
    || /too large|out of memory|maximum|allocation/i.test(e.message);

function trapAgrees(message, text) {
    const rows = TRAPS.filter(([theirs]) => theirs.test(message));
    return rows.length ? rows.some(([, ours]) => ours.test(text)) : true;
}

// ---- comparing ---------------------------------------------------------------

class Difference extends Error {}
class Exhausted extends Error {}

function hashOf(bytes) {
    let hash = 2166136261;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619);
    return hash >>> 0;
}

// Follows the oracle's lines; throws a Difference where V8 does otherwise.
class Comparison {
    constructor(bytes, lines) {
        this.module = new WebAssembly.Module(bytes);
        this.exports = WebAssembly.Module.exports(this.module);
        this.lines = lines;
        this.at = 0;
    }

    peek() {
        return this.lines[this.at] ?? '(the end)';
    }

    next() {
        const line = this.peek();
        const why = /^(start )?exhausted (.*)/.exec(line)?.[2];
        if (why !== undefined) throw new Exhausted(why);
        this.at++;
        return line;
    }

    differs(line, got) {
        throw new Difference(`line ${this.at}: vyoma: ${line}; V8: ${got}`);
    }

    // The next line is `head` and then the words for `values`.
    expect(head, values) {
        const line = this.next();
        const words = line.slice(head.length).split(' ').filter(w => w);
        if (!line.startsWith(head) || words.length !== values.length)
            this.differs(line, `${head} ${values.map(String).join(' ')}`);
        const got = values.map((v, i) => toWord(words[i], v));
        if (got.some((word, i) => word !== words[i]))
            this.differs(line, `${head} ${got.join(' ')}`);
    }

    expectError(e) {
        if (e instanceof Difference || e instanceof Exhausted) throw e;
        const line = this.next();
        if (isExhausted(e)) throw new Exhausted(`V8: ${e.message}`);
        if (!(e instanceof WebAssembly.RuntimeError)) {
            if (line !== 'exception') this.differs(line, `exception ${e}`);
        } else if (!line.startsWith('trap ')
            || !trapAgrees(e.message, line.slice(5))) {
            this.differs(line, `trap ${e.message}`);
        }
    }

    // Calls, and expects how it ends; answers the error, if it was one.
    call(f, args) {
        let value;
        try {
            value = f(...args);
        } catch (e) {
            this.expectError(e);
            return e;
        }
        this.expect('result', value === undefined ? []
            : Array.isArray(value) ? value : [value]);
        return undefined;
    }

    // What import functions do: see run_import in oracle.c.
    callee(name, argument) {
        if (name.startsWith('call-ref')) return argument;
        const { name: exported } =
            this.exports[(argument >>> 0) % this.exports.length];
        return this.instance.exports[exported];
    }

    importedFunction(i, name, results) {
        return (...args) => {
            this.expect(`import ${i}`, args);
            if (name === 'throw' && this.jsTag)
                throw new WebAssembly.Exception(this.jsTag, [hostObjects[1]]);
            if (/^call-(export|ref)(-catch)?$/.test(name)) {
                let error;
                if (this.peek().startsWith('nested')) {
                    const words = this.next().split(' ').slice(1);
                    error = this.call(this.callee(name, args[0]),
                        words.map(fromWord));
                }
                if (name.endsWith('-catch')) return error ? 1 : 0;
                if (error) throw error;
                return undefined;
            }
            const values = results.map(t => zeros[t]);
            return values.length > 1 ? values : values[0];
        };
    }

    makeImport(i, { name, kind }) {
        const [made, number, ...rest] = this.next().split(' ');
        if (Number(number) !== i) throw new Error(`import ${i}: ${made}`);
        const limits = (min, max) => max === undefined ? { initial: min }
            : { initial: min, maximum: max };
        switch (kind) {
        case 'function': return this.importedFunction(i, name, rest);
        case 'global': {
            const types = { i: 'i32', l: 'i64', f: 'f32', d: 'f64' };
            const value = fromWord(rest[0]);
            const mutable = rest[1] === '1';
            if (!types[rest[0][0]] && !mutable) return value;
            return new WebAssembly.Global(
                { value: types[rest[0][0]] ?? 'externref', mutable }, value);
        }
        case 'table':
            return new WebAssembly.Table({ element: rest[0],
                ...limits(...rest.slice(1).map(Number)) }, null);
        case 'memory':
            return new WebAssembly.Memory(rest[0] === 'i64'
                ? { address: 'i64', ...limits(...rest.slice(1).map(BigInt)) }
                : limits(...rest.slice(1).map(Number)));
        default: {
            const types = { i: 'i32', l: 'i64', f: 'f32', d: 'f64',
                r: 'externref' };
            const tag = new WebAssembly.Tag(
                { parameters: rest.map(t => types[t]) });
            if (name === 'jstag') this.jsTag = tag;
            return tag;
        }
        }
    }

    compareState() {
        for (let m; (m = /^(global|table|memory) (\d+) (.*)$/.exec(this.peek()));) {
            const it = this.instance.exports[this.exports[m[2]].name];
            const line = this.next();
            let got;
            if (m[1] === 'global') {
                got = toWord(m[3], it.value);
            } else if (m[1] === 'memory') {
                const bytes = new Uint8Array(it.buffer);
                got = `${bytes.length} ${hashOf(bytes.subarray(0, 65536))}`;
            } else {
                const isBig = typeof it.length === 'bigint';
                const n = Math.min(Number(it.length), 200);
                let nulls = '';
                for (let i = 0; i < n; i++)
                    nulls += it.get(isBig ? BigInt(i) : i) === null ? 0 : 1;
                got = `${it.length} ${nulls}`;
            }
            if (got !== m[3]) this.differs(line, got);
        }
    }

    start(imports) {
        const fails = this.lines.some(l => l.startsWith('start '));
        try {
            this.instance = new WebAssembly.Instance(this.module, imports);
        } catch (e) {
            if (!fails && !(e instanceof Difference) && !isExhausted(e))
                this.differs(this.peek(), `start ${e}`);
            this.lines = this.lines.map(l => l.replace(/^start /, ''));
            this.expectError(e);
            return false;
        }
        if (fails) this.differs(this.next(), 'an instance');
        return true;
    }

    run() {
        const imports = {};
        WebAssembly.Module.imports(this.module).forEach((im, i) => {
            imports[im.module] ??= {};
            if (im.name in imports[im.module])
                throw new Exhausted('one name for two imports');
            imports[im.module][im.name] = this.makeImport(i, im);
        });
        if (!this.start(imports)) return;
        this.compareState();
        while (this.at < this.lines.length) {
            const line = this.next();
            const [what, index, ...words] = line.split(' ');
            if (what !== 'call') this.differs(line, 'an end');
            this.call(this.instance.exports[this.exports[index].name],
                words.map(fromWord));
            this.compareState();
        }
    }
}

// ---- the loop ----------------------------------------------------------------

const counts = { compared: 0, calls: 0 }, exhausted = {}, reasons = {};
let bad = 0;
const skip = why => { reasons[why] = (reasons[why] ?? 0) + 1; };

function check(file, lines) {
    const bytes = fs.readFileSync(file);
    const died = lines.find(l => l.startsWith('died'));
    if (died) throw new Difference(`vyoma ${died}`);
    let why;
    try {
        new WebAssembly.Module(bytes);
    } catch (e) {
        why = e.message;
    }
    if (lines[0]?.startsWith('invalid')) {
        if (!why) throw new Difference(`V8 accepts: ${lines[0]}`);
        return skip('neither accepts it');
    }
    // only what V8 does not have yet may be refused by it alone
    if (why && /mix of legacy|enable with|not supported/.test(why))
        return skip(why.replace(/^.*: |@.*$/g, '').slice(0, 60));
    if (why) throw new Difference(`vyoma accepts; V8: ${why}`);
    const refused = lines.find(l => l.startsWith('skip'));
    if (refused) return skip(refused);
    counts.calls += lines.filter(l => l.startsWith('call')).length;
    counts.compared++;
    try {
        new Comparison(bytes, lines).run();
    } catch (e) {
        if (!(e instanceof Exhausted) && !isExhausted(e)) throw e;
        const why = e instanceof Exhausted ? e.message : `V8: ${e.message}`;
        exhausted[why] = (exhausted[why] ?? 0) + 1;
    }
    return undefined;
}

function report(seed, file, e) {
    if (!(e instanceof Difference)) {
        console.log(`# seed ${seed}: ${e.stack}`);
        return skip('an error here');
    }
    bad++;
    console.log(`not ok - seed ${seed} (${file}): ${e.message}`);
    return undefined;
}

// Runs a batch through the oracle; the lines of each file.
function consult(files) {
    const r = spawnSync(oracle, files,
        { encoding: 'utf8', timeout: 600000, maxBuffer: 1 << 30,
            stdio: ['ignore', 'pipe', 'pipe'] });
    const lines = new Map(files.map(f => [f, []]));
    let current = [];
    for (const line of r.stdout.split('\n')) {
        if (line.startsWith('file ')) current = lines.get(line.slice(5));
        else if (line) current.push(line);
    }
    if (r.status !== 0) console.log(`# the oracle ended with ${r.status}`);
    if (r.stderr) console.log(r.stderr.replace(/^/gm, '# ').slice(0, 4000));
    return lines;
}

async function batch(seed) {
    const files = new Map();
    for (let i = 0; i < BATCH; i++) {
        const file = path.join(outdir, `${seed + i}.wasm`);
        const message = await generate(seed + i, file);
        if (message) skip(`not generated: ${message.slice(0, 60)}`);
        else files.set(file, seed + i);
    }
    for (const [file, lines] of consult([...files.keys()])) {
        const before = bad;
        try {
            check(file, lines);
        } catch (e) {
            report(files.get(file), file, e);
        }
        if (bad > before) continue; // the file is kept
        fs.rmSync(file, { force: true });
        fs.rmSync(`${file}.in`, { force: true });
    }
}

let seed = Number(firstSeed);
const end = Date.now() + 1000 * Number(seconds);
fs.mkdirSync(outdir, { recursive: true });
for (; Date.now() < end; seed += BATCH) await batch(seed);
const summary = `${counts.compared} generated modules, ${counts.calls} calls, `
    + `cut short: ${JSON.stringify(exhausted)}, not comparable: `
    + `${JSON.stringify(reasons)}; seeds up to ${seed - 1}`;
if (!bad) console.log(`ok - V8 ${process.versions.v8} agrees: ${summary}`);
else console.log(`# ${summary}`);
process.exit(bad ? 1 : 0);
