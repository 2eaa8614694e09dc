// proposals.js - wasi:config, wasi:logging and wasi:keyvalue, as they stand.
import * as config from 'wasi:config/store@0.2.0-draft';
import * as atomics from 'wasi:keyvalue/atomics@0.2.0-draft2';
import * as batch from 'wasi:keyvalue/batch@0.2.0-draft2';
import * as store from 'wasi:keyvalue/store@0.2.0-draft2';
import {log} from 'wasi:logging/logging@0.1.0-draft';

const encode = text => new TextEncoder().encode(text);
const decode = bytes => bytes && new TextDecoder().decode(bytes);

function equal(actual, expected) {
  const show = v => JSON.stringify(v, (k, x) =>
    typeof x === 'bigint' ? `${x}n` : x);
  if (show(actual) !== show(expected))
    throw new Error(`${show(actual)}, expected ${show(expected)}`);
}

function error(call) {
  try {
    call();
  } catch (e) {
    if (!e.payload) throw e;
    return e.payload;
  }
  return 'no error';
}

const tests = {
  'config'() {
    equal(config.get('colour'), 'blue=green');
    equal(config.get('absent'), undefined);
    equal(config.getAll(), [['colour', 'blue=green'], ['size', '']]);
  },
  'logging'() {
    log('warn', 'unit', 'one line\nand no second');
    log('critical', '', 'no context');
  },
  'keyvalue store'() {
    equal(error(() => store.open('other')).tag, 'no-such-store');
    const bucket = store.open('');
    equal(bucket.get('k'), undefined);
    bucket.set('k', encode('v1'));
    bucket.set('k', encode('v2'));
    equal(decode(bucket.get('k')), 'v2');
    equal([bucket.exists('k'), bucket.exists('x')], [true, false]);
    equal(decode(store.open('').get('k')), 'v2');
    bucket.delete('k');
    bucket.delete('k');
    equal(bucket.exists('k'), false);
  },
  'keyvalue keys, in pages'() {
    const bucket = store.open('');
    const names = Array.from({length: 3000}, (_, i) => `key ${i}`);
    for (const name of names) bucket.set(name, encode(name));
    const found = [];
    let cursor, pages = 0;
    do {
      const page = bucket.listKeys(cursor);
      found.push(...page.keys);
      cursor = page.cursor;
      pages++;
    } while (cursor !== undefined);
    equal(found.sort(), names.sort());
    equal(pages > 1, true);
    equal(error(() => bucket.listKeys('x')).tag, 'other');
    batch.deleteMany(bucket, names);
    equal(bucket.listKeys().keys, []);
  },
  'keyvalue batch'() {
    const bucket = store.open('');
    batch.setMany(bucket, [['a', encode('1')], ['b', encode('2')]]);
    equal(batch.getMany(bucket, ['b', 'x', 'a']).map(e => e && [e[0], decode(e[1])]),
        [['b', '2'], undefined, ['a', '1']]);
  },
  'keyvalue atomics'() {
    const bucket = store.open('');
    equal(atomics.increment(bucket, 'n', 5n), 5n);
    bucket.set('n', encode('-7'));
    equal(atomics.increment(bucket, 'n', 9n), 2n);
    equal(decode(bucket.get('n')), '2');
    bucket.set('n', encode('9223372036854775807'));
    equal(error(() => atomics.increment(bucket, 'n', 1n)).tag, 'other');
    bucket.set('n', encode('x'));
    equal(error(() => atomics.increment(bucket, 'n', 1n)).tag, 'other');
    const cas = atomics.Cas.new(bucket, 'c');
    equal(cas.current(), undefined);
    atomics.swap(cas, encode('first'));
    const stale = atomics.Cas.new(bucket, 'c');
    equal(decode(stale.current()), 'first');
    bucket.set('c', encode('meanwhile'));
    const failed = error(() => atomics.swap(stale, encode('lost')));
    equal(failed.tag, 'cas-failed');
    atomics.swap(failed.val, encode('second'));
    equal(decode(bucket.get('c')), 'second');
  },
  'keyvalue has a limit'() {
    const bucket = store.open(''), big = new Uint8Array(8 << 20);
    let n = 0, failed;
    while (n < 20 && !failed) {
      const e = error(() => bucket.set(`big ${n++}`, big));
      failed = e !== 'no error' && e;
    }
    equal([failed.tag, n < 20], ['other', true]);
  },
};

export const run = {
  run() {
    for (const [name, test] of Object.entries(tests)) {
      try {
        test();
        console.log(`ok - proposals: ${name}`);
      } catch (e) {
        console.log(`not ok - proposals: ${name}: ${e.message ?? JSON.stringify(e.payload)}`);
      }
    }
  },
};
