#!/usr/bin/env node
// Turns scripts of the official test suite into what `vyoma wast` runs.
//
//   wast2json.mjs IN.wast OUTDIR [STEM]   one script
//   wast2json.mjs --batch OUTDIR          paths on stdin, one a line
//
// A script becomes STEM.json and STEM.N.wasm or .wat files.  In a batch STEM is
// the line's number, from 0; a line on stdout says "STEM" when it is ready, or
// "STEM message" when it cannot be converted.
//
// Text modules and components are assembled by wasm-tools' parser, which comes
// inside npm's @bytecodealliance/jco-transpile; this file only splits scripts.
// The output is that of `wasm-tools json-from-wast`.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';

const WS = new Set([0x20, 9, 10, 13]);
function fail(b, at, text) {
    const line = b.subarray(0, at).filter(c => c === 10).length + 1;
    throw Error(`line ${line}: ${text}`);
}
// the closing quote of a string that starts at i
function closing(b, i) {
    let j = i + 1;
    while (j < b.length && b[j] !== 0x22) j += b[j] === 0x5c ? 2 : 1;
    return j < b.length ? j : fail(b, i, 'a string without its closing "');
}
function read(b) {
    // bytes -> list of s-expressions
    let i = 0;
    const n = b.length,
        root = { l: [], s: 0 };
    const st = [root];
    while (i < n) {
        const c = b[i];
        if (WS.has(c)) i++;
        else if (c === 0x3b && b[i + 1] === 0x3b) {
            while (i < n && b[i] !== 10 && b[i] !== 13) i++;
        } else if (c === 0x28 && b[i + 1] === 0x3b) {
            let d = 1;
            i += 2;
            while (d) {
                if (i >= n) fail(b, n, 'a comment without its closing ;)');
                if (b[i] === 0x28 && b[i + 1] === 0x3b) {
                    d++;
                    i += 2;
                } else if (b[i] === 0x3b && b[i + 1] === 0x29) {
                    d--;
                    i += 2;
                } else i++;
            }
        } else if (c === 0x28) {
            const e = { l: [], s: i };
            st.push(e);
            i++;
            if (b[i] === 0x40) e.annot = true;
        } else if (c === 0x29) {
            const e = st.pop();
            if (!st.length) fail(b, i, 'a ) without its (');
            i++;
            e.e = i;
            st[st.length - 1].l.push(e);
        } else if (c === 0x22) {
            const j = closing(b, i);
            st[st.length - 1].l.push({
                str: b.subarray(i + 1, j),
                s: i,
                e: j + 1,
            });
            i = j + 1;
        } else {
            let j = i;
            while (
                j < n &&
                !WS.has(b[j]) &&
                b[j] !== 0x28 &&
                b[j] !== 0x29 &&
                b[j] !== 0x3b
            ) {
                if (b[j] === 0x22) j = closing(b, j);
                j++;
            }
            if (j === i) j++;
            st[st.length - 1].l.push({
                a: b.toString('utf8', i, j),
                s: i,
                e: j,
            });
            i = j;
        }
    }
    if (st.length !== 1) fail(b, st[st.length - 1].s, 'a ( without its )');
    const strip = e => {
        if (e.l) {
            e.l = e.l.filter(x => !x.annot);
            e.l.forEach(strip);
        }
        return e;
    };
    return strip(root).l;
}
function unesc(s) {
    // string literal body -> Buffer
    const o = [];
    for (let i = 0; i < s.length; i++) {
        if (s[i] !== 0x5c) {
            o.push(s[i]);
            continue;
        }
        const c = String.fromCharCode(s[++i]);
        const m = { t: 9, n: 10, r: 13, '"': 0x22, "'": 0x27, '\\': 0x5c }[c];
        if (m !== undefined) o.push(m);
        else if (c === 'u') {
            const j = s.indexOf(0x7d, i);
            o.push(
                ...Buffer.from(
                    String.fromCodePoint(
                        parseInt(
                            s.toString('latin1', i + 2, j).replace(/_/g, ''),
                            16,
                        ),
                    ),
                ),
            );
            i = j;
        } else {
            o.push(parseInt(s.toString('latin1', i, i + 2), 16));
            i++;
        }
    }
    return Buffer.from(o);
}
// wasm-tools' lexer refuses some 'confusing' Unicode; every non-ASCII byte of the
// suite stands in a string or a comment, so \hh escapes mean the same there
const ascii = b => {
    let o = '';
    for (const c of b)
        o += c < 0x80 ? String.fromCharCode(c) : '\\' + c.toString(16);
    return o;
};
const str = x => unesc(x.str).toString('utf8');
const id = a => {
    a = a.slice(1);
    return a[0] === '"' ? unesc(Buffer.from(a.slice(1, -1))).toString() : a;
};
const isId = x => x && x.a !== undefined && x.a[0] === '$';
const int = (t, bits) => {
    let s = t.replace(/_/g, ''),
        neg = false;
    if (s[0] === '-') {
        neg = true;
        s = s.slice(1);
    } else if (s[0] === '+') s = s.slice(1);
    const v = BigInt(s);
    return BigInt.asIntN(bits, neg ? -v : v).toString();
};
const uint = (t, bits) => BigInt.asUintN(bits, BigInt(int(t, bits))).toString();

class Conv {
    constructor(src, dir, stem) {
        this.b = src;
        this.dir = dir;
        this.stem = stem;
        this.n = 0;
        this.floats = [];
        this.fix = [];
        this.lines = [0];
        for (let i = 0; i < src.length; i++)
            if (src[i] === 10) this.lines.push(i + 1);
    }
    line(p) {
        let a = 0,
            z = this.lines.length;
        while (z - a > 1) {
            const m = (a + z) >> 1;
            if (this.lines[m] <= p) a = m;
            else z = m;
        }
        return a + 1;
    }
    float(t, w) {
        // bits are filled in later, by one assembled module
        if (t === 'nan:canonical' || t === 'nan:arithmetic') return t;
        const k = this.floats.push([t, w]) - 1;
        return { float: k };
    }
    cnst(x) {
        const h = x.l[0].a,
            v = x.l.slice(1),
            a1 = v[0]?.a;
        const list = f => v.map(f);
        switch (h) {
            case 'i32.const':
                return { type: 'i32', value: int(a1, 32) };
            case 'i64.const':
                return { type: 'i64', value: int(a1, 64) };
            case 'f32.const':
                return { type: 'f32', value: this.float(a1, 32) };
            case 'f64.const':
                return { type: 'f64', value: this.float(a1, 64) };
            case 'v128.const': {
                const s = a1,
                    lt = s.split('x')[0];
                return {
                    type: 'v128',
                    lane_type: lt,
                    value: v
                        .slice(1)
                        .map(q =>
                            lt[0] === 'f'
                                ? this.float(q.a, +lt.slice(1))
                                : int(q.a, +lt.slice(1)),
                        ),
                };
            }
            case 'ref.null':
                return a1 === undefined
                    ? { type: 'refnull' }
                    : {
                          func: { type: 'funcref', value: 'null' },
                          extern: { type: 'externref', value: 'null' },
                          any: { type: 'anyref', value: 'null' },
                          exn: { type: 'exnref', value: 'null' },
                          cont: { type: 'contref', value: 'null' },
                          none: { type: 'nullref' },
                          nofunc: { type: 'nullfuncref' },
                          noextern: { type: 'nullexternref' },
                          noexn: { type: 'nullexnref' },
                          nocont: { type: 'nullcontref' },
                          eq: { type: 'eqref' },
                          struct: { type: 'structref' },
                          array: { type: 'arrayref' },
                          i31: { type: 'i31ref' },
                      }[a1];
            case 'ref.extern':
                return a1 === undefined
                    ? { type: 'externref' }
                    : { type: 'externref', value: uint(a1, 32) };
            case 'ref.host':
                return { type: 'anyref', value: uint(a1, 32) };
            case 'ref.func':
                return { type: 'funcref' };
            case 'ref.any':
                return { type: 'anyref' };
            case 'ref.eq':
                return { type: 'eqref' };
            case 'ref.array':
                return { type: 'arrayref' };
            case 'ref.struct':
                return { type: 'structref' };
            case 'ref.i31':
                return { type: 'i31ref' };
            case 'ref.i31_shared':
                return { type: 'i31refshared' };
            case 'either':
                return { type: 'either', values: list(y => this.cnst(y)) };
            // component values
            case 'bool.const':
                return { type: 'bool', value: a1 === 'true' };
            case 'u8.const':
            case 'u16.const':
            case 'u32.const':
            case 'u64.const':
                return {
                    type: h.slice(0, -6),
                    value: uint(a1, +h.slice(1, -6)),
                };
            case 's8.const':
            case 's16.const':
            case 's32.const':
            case 's64.const':
                return {
                    type: h.slice(0, -6),
                    value: int(a1, +h.slice(1, -6)),
                };
            case 'char.const':
                return { type: 'char', value: str(v[0]) };
            case 'str.const':
                return { type: 'string', value: str(v[0]) };
            case 'list.const':
                return { type: 'list', value: list(y => this.cnst(y)) };
            case 'tuple.const':
                return { type: 'tuple', value: list(y => this.cnst(y)) };
            case 'record.const':
                return {
                    type: 'record',
                    value: list(y => [
                        str(y.l[1]),
                        this.cnst(
                            y.l[2].l ? y.l[2] : { l: y.l.slice(2), s: y.s },
                        ),
                    ]),
                };
            case 'variant.const':
                return {
                    type: 'variant',
                    value: {
                        case: str(v[0]),
                        ...(v[1] ? { payload: this.cnst(v[1]) } : {}),
                    },
                };
            case 'enum.const':
                return { type: 'enum', value: str(v[0]) };
            case 'option.none':
                return { type: 'option', value: null };
            case 'option.some':
                return { type: 'option', value: this.cnst(v[0]) };
            case 'result.ok':
                return {
                    type: 'result',
                    value: { Ok: v[0] ? this.cnst(v[0]) : null },
                };
            case 'result.err':
                return {
                    type: 'result',
                    value: { Err: v[0] ? this.cnst(v[0]) : null },
                };
            case 'flags.const':
                return { type: 'flags', value: list(str) };
        }
        throw Error(`line ${this.line(x.s)}: unknown value ${h}`);
    }
    action(x) {
        const h = x.l[0].a;
        let i = 1,
            module;
        if (isId(x.l[i])) module = id(x.l[i++].a);
        const r = {
            type: h,
            ...(module !== undefined ? { module } : {}),
            field: str(x.l[i++]),
        };
        if (h === 'invoke') r.args = x.l.slice(i).map(y => this.cnst(y));
        else if (h !== 'get') throw Error('action ' + h);
        return r;
    }
    async file(x, malformed) {
        // (module|component ...) -> name + file fields
        let i = 1,
            name,
            e = x;
        const kw = x.l[0].a;
        let txt = this.b.subarray(x.s, x.e);
        if (x.l[i]?.a === 'definition') {
            txt = Buffer.concat([
                this.b.subarray(x.s, x.l[i].s),
                this.b.subarray(x.l[i].e, x.e),
            ]);
            i++;
        }
        if (isId(x.l[i])) name = id(x.l[i++].a);
        const form = x.l[i]?.a;
        let bytes,
            type = 'binary',
            bin;
        if (form === 'binary')
            bytes = Buffer.concat(x.l.slice(i + 1).map(y => unesc(y.str)));
        else if (form === 'quote') {
            type = 'text';
            bytes = Buffer.concat(
                x.l.slice(i + 1).flatMap(y => [unesc(y.str), Buffer.from(' ')]),
            );
            if (kw === 'component')
                bytes = Buffer.concat([
                    Buffer.from('(component'),
                    bytes,
                    Buffer.from(')'),
                ]);
            if (!malformed) {
                try {
                    bin = Buffer.from(await parse(bytes.toString('utf8')));
                } catch {}
            }
        } else bytes = Buffer.from(await parse(ascii(txt)));
        const k = this.n++,
            fn = `${this.stem}.${k}.${type === 'text' ? 'wat' : 'wasm'}`;
        fs.writeFileSync(path.join(this.dir, fn), bytes);
        const r = { filename: fn, module_type: type };
        if (bin) {
            r.binary_filename = `${this.stem}.${k}.wasm`;
            fs.writeFileSync(path.join(this.dir, r.binary_filename), bin);
        }
        return [name, r];
    }
    async cmd(x) {
        const h = x.l[0].a,
            line = this.line(x.l[0].s),
            nm = n => (n === undefined ? {} : { name: n });
        const mod = y => y.l[0].a === 'module' || y.l[0].a === 'component';
        switch (h) {
            case 'module':
            case 'component': {
                if (x.l[1]?.a === 'instance') {
                    const q = x.l.slice(2).map(y => id(y.a));
                    return {
                        type: 'module_instance',
                        line,
                        ...(q[0] !== undefined ? { instance: q[0] } : {}),
                        ...(q[1] !== undefined ? { module: q[1] } : {}),
                    };
                }
                const [n, f] = await this.file(x);
                return {
                    type:
                        x.l[1]?.a === 'definition'
                            ? 'module_definition'
                            : 'module',
                    line,
                    ...nm(n),
                    ...f,
                };
            }
            case 'register':
                return {
                    type: 'register',
                    line,
                    ...(x.l[2] ? { name: id(x.l[2].a) } : {}),
                    as: str(x.l[1]),
                };
            case 'invoke':
            case 'get':
                return { type: 'action', line, action: this.action(x) };
            case 'assert_malformed':
            case 'assert_invalid':
            case 'assert_malformed_custom':
            case 'assert_invalid_custom':
            case 'assert_unlinkable': {
                const [, f] = await this.file(
                    x.l[1],
                    h.startsWith('assert_malformed'),
                );
                return {
                    type: h,
                    line: this.line(x.l[1].l[0].s),
                    ...f,
                    text: str(x.l[2]),
                };
            }
            case 'assert_trap':
                if (mod(x.l[1])) {
                    const [, f] = await this.file(x.l[1]);
                    return {
                        type: 'assert_uninstantiable',
                        line: this.line(x.l[1].l[0].s),
                        ...f,
                        text: str(x.l[2]),
                    };
                }
                return {
                    type: h,
                    line: this.line(x.l[1].l[0].s),
                    action: this.action(x.l[1]),
                    text: str(x.l[2]),
                };
            case 'assert_exhaustion':
            case 'assert_suspension':
                return {
                    type: h,
                    line,
                    action: this.action(x.l[1]),
                    text: str(x.l[2]),
                };
            case 'assert_exception':
                return { type: h, line, action: this.action(x.l[1]) };
            case 'assert_return':
                return {
                    type: h,
                    line: this.line(x.l[1].l[0].s),
                    action: this.action(x.l[1]),
                    expected: x.l.slice(2).map(y => this.cnst(y)),
                };
            case 'thread': {
                let i = 2,
                    sm;
                if (x.l[i].l?.[0].a === 'shared') sm = id(x.l[i++].l[1].l[1].a);
                const commands = [];
                for (const y of x.l.slice(i)) commands.push(await this.cmd(y));
                return {
                    type: h,
                    line,
                    name: id(x.l[1].a),
                    ...(sm ? { shared_module: sm } : {}),
                    commands,
                };
            }
            case 'wait':
                return { type: h, line, thread: id(x.l[1].a) };
        }
        throw Error(`line ${line}: unknown command ${h}`);
    }
    async resolveFloats(commands) {
        // assemble all float literals as globals, read the bits back
        const uniq = new Map();
        for (const [t, w] of this.floats) uniq.set(t + '/' + w, null);
        const keys = [...uniq.keys()];
        if (keys.length) {
            const src =
                '(module ' +
                keys
                    .map(k => {
                        const [t, w] = k.split('/');
                        return `(global f${w} (f${w}.const ${t}))`;
                    })
                    .join('\n') +
                ')';
            const m = Buffer.from(await parse(src));
            let p = 8;
            const leb = () => {
                let r = 0,
                    s = 0,
                    c;
                do {
                    c = m[p++];
                    r |= (c & 127) << s;
                    s += 7;
                } while (c & 128);
                return r >>> 0;
            };
            for (; p < m.length;) {
                const sid = m[p++],
                    len = leb(),
                    end = p + len;
                if (sid === 6) {
                    const cnt = leb();
                    for (let i = 0; i < cnt; i++) {
                        p += 3;
                        const w = +keys[i].split('/')[1];
                        uniq.set(
                            keys[i],
                            w === 32
                                ? String(m.readUInt32LE(p))
                                : String(m.readBigUInt64LE(p)),
                        );
                        p += w / 8 + 1;
                    }
                }
                p = end;
            }
        }
        const walk = o => {
            if (Array.isArray(o)) return o.map(walk);
            if (o && typeof o === 'object') {
                if ('float' in o) {
                    const [t, w] = this.floats[o.float];
                    return uniq.get(t + '/' + w);
                }
                for (const k in o) o[k] = walk(o[k]);
            }
            return o;
        };
        return walk(commands);
    }
}
export async function convert(file, dir, stem, relname = file) {
    const src = fs.readFileSync(file);
    fs.mkdirSync(dir, { recursive: true });
    const c = new Conv(src, dir, stem);
    let top = read(src).filter(x => !x.annot);
    let commands = [];
    const isCmd = x =>
        x.l &&
        /^(module|component|register|invoke|get|assert_.*|thread|wait)$/.test(
            x.l[0]?.a ?? '',
        );
    if (top.length && !isCmd(top[0])) {
        const fn = `${stem}.0.wasm`;
        fs.writeFileSync(path.join(dir, fn), await parse(src.toString('utf8')));
        commands.push({
            type: 'module',
            line: 1,
            filename: fn,
            module_type: 'binary',
        });
    } else
        for (const x of top)
            try {
                commands.push(await c.cmd(x));
            } catch (e) {
                if (!(e instanceof TypeError)) throw e;
                fail(src, x.s, 'this is no command of a script');
            }
    commands = await c.resolveFloats(commands);
    fs.writeFileSync(
        path.join(dir, stem + '.json'),
        JSON.stringify({ source_filename: relname, commands }),
    );
}

// wasm-tools' errors are printed as the structures that they are: what is wrong
// and where (from 0) is taken out
function explain(error) {
    const text = String(error.message ?? error).replace(/\s+/g, ' ');
    const at = /text: Some\(Text \{ line: (\d+)/.exec(text);
    const what = /.*kind: (?:Custom\("(.*)"\)|(.*?)) \}/.exec(text);
    if (!at || !what) return text;
    return `line ${Number(at[1]) + 1}: ${what[1] ?? what[2]}`;
}

async function batch(dir) {
    let n = 0;
    for await (const file of readline.createInterface(process.stdin)) {
        const stem = String(n++);
        let message = '';
        try {
            await convert(file, dir, stem);
        } catch (e) {
            message = ' ' + explain(e);
        }
        process.stdout.write(stem + message + '\n');
    }
}

const [, , first, dir, stem] = process.argv;
if (first === '--batch') await batch(dir);
else await convert(first, dir, stem ?? path.basename(first, '.wast'));
