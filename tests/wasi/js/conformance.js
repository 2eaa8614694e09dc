// conformance.js - WASI 0.2 seen from inside a component.  Each case is a
// function; the arguments name the groups to run ("io fs tcp ..."), or one
// case that must end the program.  Prints TAP without a plan.
import {getArguments, getEnvironment} from 'wasi:cli/environment@0.2.12';
import {exitWithCode} from 'wasi:cli/exit@0.2.12';
import {getStdout} from 'wasi:cli/stdout@0.2.12';
import {getTerminalStdin} from 'wasi:cli/terminal-stdin@0.2.12';
import * as monotonic from 'wasi:clocks/monotonic-clock@0.2.12';
import * as wall from 'wasi:clocks/wall-clock@0.2.12';
import {getDirectories} from 'wasi:filesystem/preopens@0.2.12';
import {filesystemErrorCode} from 'wasi:filesystem/types@0.2.12';
import {poll} from 'wasi:io/poll@0.2.12';
import {getInsecureRandomBytes} from 'wasi:random/insecure@0.2.12';
import {getRandomBytes, getRandomU64} from 'wasi:random/random@0.2.12';
import {instanceNetwork} from 'wasi:sockets/instance-network@0.2.12';
import {networkErrorCode} from 'wasi:sockets/network@0.2.12';
import {resolveAddresses} from 'wasi:sockets/ip-name-lookup@0.2.12';
import {createTcpSocket} from 'wasi:sockets/tcp-create-socket@0.2.12';
import {createUdpSocket} from 'wasi:sockets/udp-create-socket@0.2.12';

// ---- helpers ---------------------------------------------------------------

const encode = text => new TextEncoder().encode(text);
const decode = bytes => new TextDecoder().decode(bytes);

function equal(actual, expected, what = 'value') {
  const show = v => JSON.stringify(v, (k, x) =>
    typeof x === 'bigint' ? `${x}n` : x);
  if (show(actual) !== show(expected))
    throw new Error(`${what}: ${show(actual)}, expected ${show(expected)}`);
}

function truthy(value, what) {
  if (!value) throw new Error(what);
}

// The error-code that a call fails with.
function code(call) {
  try {
    call();
  } catch (e) {
    if (e.payload === undefined) throw e;
    return typeof e.payload === 'object' ? e.payload.tag : e.payload;
  }
  return 'no error';
}

const fails = (call, expected) => equal(code(call), expected, 'error');
const drop = (...things) => things.forEach(t => t[Symbol.dispose]?.());

function say(line) {
  const out = getStdout();
  out.blockingWriteAndFlush(encode(line + '\n'));
  drop(out);
}

const root = () => getDirectories().find(([, name]) => name === '/')[0];
const RW = {read: true, write: true};

function create(dir, path, text = '') {
  const file = dir.openAt({}, path, {create: true, truncate: true}, RW);
  if (text) equal(file.write(encode(text), 0n), BigInt(text.length));
  return file;
}

function slurp(file) {
  const [bytes, end] = file.read(100000n, 0n);
  equal(end, bytes.length === 0, 'end of file flag');
  return decode(bytes);
}

// Reads a stream to its end.
function drain(stream) {
  let text = '';
  for (;;) {
    try {
      text += decode(stream.blockingRead(1000n));
    } catch (e) {
      equal(e.payload.tag, 'closed', 'end of stream');
      return text;
    }
  }
}

// ---- io and files as streams -------------------------------------------------

const io = {
  'stream write, then read back'() {
    const file = create(root(), 'io-1');
    const out = file.writeViaStream(0n);
    truthy(out.checkWrite() > 0n, 'check-write permits something');
    out.write(encode('hello '));
    out.blockingWriteAndFlush(encode('world'));
    const input = file.readViaStream(6n);
    equal(decode(input.read(100n)), 'world');
    fails(() => input.read(1n), 'closed');
    fails(() => input.blockingRead(1n), 'closed');
    drop(out, input, file);
  },
  'append stream and offsets'() {
    const file = create(root(), 'io-2', '0123456789');
    const at = file.writeViaStream(4n), end = file.appendViaStream();
    at.blockingWriteAndFlush(encode('ab'));
    end.blockingWriteAndFlush(encode('END'));
    at.blockingWriteAndFlush(encode('c'));
    equal(slurp(file), '0123abc789END');
    drop(at, end, file);
  },
  'zero-length read of an open stream'() {
    const file = create(root(), 'io-3', 'x');
    const input = file.readViaStream(0n);
    equal(input.read(0n).length, 0);
    equal(decode(input.read(9n)), 'x');
    drop(input, file);
  },
  'skip'() {
    const file = create(root(), 'io-4', 'abcdef');
    const input = file.readViaStream(0n);
    equal(input.skip(2n), 2n);
    equal(input.blockingSkip(1n), 1n);
    equal(drain(input), 'def');
    drop(input, file);
  },
  'write-zeroes'() {
    const file = create(root(), 'io-5');
    const out = file.writeViaStream(1n);
    out.checkWrite();
    out.writeZeroes(10n);
    out.blockingWriteZeroesAndFlush(4096n);
    equal(file.stat().size, 4107n);
    drop(out, file);
  },
  'splice'() {
    const from = create(root(), 'io-6', 'spliced text'), to = create(root(), 'io-7');
    const input = from.readViaStream(0n), out = to.writeViaStream(0n);
    equal(out.splice(input, 7n), 7n);
    equal(out.blockingSplice(input, 100n), 5n);
    fails(() => out.splice(input, 1n), 'closed');
    equal(slurp(to), 'spliced text');
    drop(input, out, from, to);
  },
  'flush is always allowed'() {
    const file = create(root(), 'io-8'), out = file.writeViaStream(0n);
    out.flush();
    out.blockingFlush();
    drop(out, file);
  },
  'pollables of streams, and their drop order'() {
    const file = create(root(), 'io-9', 'x');
    const input = file.readViaStream(0n), out = file.writeViaStream(0n);
    const a = input.subscribe(), b = out.subscribe();
    truthy(a.ready() && b.ready(), 'files are ready');
    drop(file, input, out);
    a.block();
    equal([...poll([a, b])], [0, 1]);
    drop(a, b);
  },
  'poll reports all that are ready, and only those'() {
    const soon = monotonic.subscribeDuration(1000n);
    const never = monotonic.subscribeDuration(1n << 62n);
    const past = monotonic.subscribeInstant(0n);
    equal([...poll([never, past])], [1]);
    soon.block();
    equal([...poll([soon, never, past, soon])], [0, 2, 3]);
    truthy(!never.ready(), 'never is not ready');
    drop(soon, never, past);
  },
};

// ---- clocks, random, cli ---------------------------------------------------

const base = {
  'monotonic clock'() {
    let last = monotonic.now();
    for (let i = 0; i < 1000; i++) {
      const now = monotonic.now();
      truthy(now >= last, 'it never goes back');
      last = now;
    }
    truthy(monotonic.resolution() > 0n, 'resolution');
  },
  'a duration elapses, not earlier'() {
    const start = monotonic.now(), timer = monotonic.subscribeDuration(3000000n);
    timer.block();
    truthy(monotonic.now() - start >= 3000000n, 'too early');
    truthy(timer.ready(), 'stays ready');
    drop(timer);
  },
  'wall clock'() {
    const {seconds, nanoseconds} = wall.now();
    truthy(seconds > 1700000000n && nanoseconds < 1000000000, 'now');
    truthy(wall.resolution().nanoseconds < 1000000000, 'resolution');
  },
  'random bytes'() {
    for (const n of [0, 1, 31, 5000, 300000])
      equal(getRandomBytes(BigInt(n)).length, n);
    truthy(getRandomU64() !== getRandomU64(), 'two draws differ');
    truthy(new Set(getRandomBytes(4096n)).size > 200, 'bytes vary');
    equal(getInsecureRandomBytes(10n).length, 10);
  },
  'arguments and environment'() {
    equal(getArguments().at(-1), 'base');
    const env = Object.fromEntries(getEnvironment());
    equal(env.VYOMA_TEST, 'a=b c');
    equal(env.EMPTY, '');
    equal(env.HOME, undefined);
  },
  'no terminal in a test'() {
    equal(getTerminalStdin(), undefined);
  },
};

// ---- file system -----------------------------------------------------------

const fs = {
  'stat of files and directories'() {
    const dir = root(), file = create(dir, 'fs-1', 'four');
    const stat = file.stat();
    equal([stat.type, stat.size, stat.linkCount], ['regular-file', 4n, 1n]);
    truthy(stat.dataModificationTimestamp.seconds > 1700000000n, 'mtime');
    equal(dir.statAt({}, '.').type, 'directory');
    equal(dir.getType(), 'directory');
    equal(file.getType(), 'regular-file');
    drop(file);
  },
  'flags of descriptors'() {
    const dir = root(), file = create(dir, 'fs-2');
    const flags = file.getFlags();
    truthy(flags.read && flags.write && !flags.mutateDirectory, 'file');
    truthy(dir.getFlags().mutateDirectory, 'directory');
    const reader = dir.openAt({}, 'fs-2', {}, {read: true});
    truthy(!reader.getFlags().write, 'reader');
    fails(() => reader.write(encode('x'), 0n), 'bad-descriptor');
    fails(() => reader.writeViaStream(0n), 'bad-descriptor');
    fails(() => reader.setSize(0n), 'bad-descriptor');
    drop(file, reader);
  },
  'open flags'() {
    const dir = root();
    fails(() => dir.openAt({}, 'absent', {}, {read: true}), 'no-entry');
    drop(create(dir, 'fs-3', 'text'));
    fails(() => dir.openAt({}, 'fs-3', {create: true, exclusive: true}, RW), 'exist');
    fails(() => dir.openAt({}, 'fs-3', {directory: true}, {read: true}), 'not-directory');
    fails(() => dir.openAt({}, 'fs-3/', {}, {read: true}), 'not-directory');
    fails(() => dir.openAt({}, '', {}, {read: true}), 'no-entry');
    fails(() => dir.openAt({}, '.', {}, {write: true}), 'is-directory');
    const cut = dir.openAt({}, 'fs-3', {truncate: true}, RW);
    equal(cut.stat().size, 0n);
    drop(cut);
  },
  'no path leaves its directory'() {
    const dir = root();
    for (const path of ['..', '../x', '/', '/etc/passwd', './../..', 'sub/../../x']) {
      if (path.startsWith('sub')) code(() => dir.createDirectoryAt('sub'));
      fails(() => dir.openAt({symlinkFollow: true}, path, {}, {read: true}), 'not-permitted');
      fails(() => dir.statAt({}, path), 'not-permitted');
    }
    fails(() => dir.symlinkAt('/etc/passwd', 'abs'), 'not-permitted');
    dir.symlinkAt('../../etc/passwd', 'up');
    fails(() => dir.openAt({symlinkFollow: true}, 'up', {}, {read: true}), 'not-permitted');
    fails(() => dir.openAt({}, 'up', {}, {read: true}), 'loop');
    equal(dir.readlinkAt('up'), '../../etc/passwd');
    dir.unlinkFileAt('up');
    fails(() => dir.renameAt('fs-1', dir, '../stolen'), 'not-permitted');
    fails(() => dir.createDirectoryAt('../made'), 'not-permitted');
  },
  'directories'() {
    const dir = root();
    dir.createDirectoryAt('d');
    fails(() => dir.createDirectoryAt('d'), 'exist');
    const sub = dir.openAt({}, 'd', {directory: true}, {read: true});
    const names = [];
    for (let i = 0; i < 120; i++) {
      names.push(`n${String(i).padStart(3, '0')}`);
      drop(create(sub, names[i]));
    }
    sub.symlinkAt('n000', 'zlink');
    sub.createDirectoryAt('zz');
    fails(() => dir.removeDirectoryAt('d'), 'not-empty');
    fails(() => dir.unlinkFileAt('d'), 'is-directory');
    fails(() => sub.removeDirectoryAt('n000'), 'not-directory');
    const list = sub.readDirectory(), found = [];
    for (let e; (e = list.readDirectoryEntry());) found.push([e.name, e.type]);
    found.sort();
    equal(found.map(([name]) => name), [...names, 'zlink', 'zz']);
    equal(found.slice(-2).map(([, type]) => type), ['symbolic-link', 'directory']);
    equal(found[0][1], 'regular-file');
    drop(list);
    for (const name of [...names, 'zlink']) sub.unlinkFileAt(name);
    sub.removeDirectoryAt('zz');
    drop(sub);
    dir.removeDirectoryAt('d');
    fails(() => dir.statAt({}, 'd'), 'no-entry');
  },
  'rename, hard and symbolic links'() {
    const dir = root(), file = create(dir, 'fs-4', 'content');
    dir.renameAt('fs-4', dir, 'fs-5');
    dir.linkAt({}, 'fs-5', dir, 'fs-6');
    equal(file.stat().linkCount, 2n);
    const same = dir.openAt({}, 'fs-6', {}, {read: true});
    truthy(file.isSameObject(same), 'same object');
    equal(file.metadataHash(), same.metadataHash());
    equal(dir.metadataHashAt({}, 'fs-5'), file.metadataHash());
    dir.symlinkAt('fs-5', 'fs-7');
    equal(dir.statAt({}, 'fs-7').type, 'symbolic-link');
    equal(dir.statAt({symlinkFollow: true}, 'fs-7').size, 7n);
    equal(dir.readlinkAt('fs-7'), 'fs-5');
    fails(() => dir.readlinkAt('fs-5'), 'invalid');
    const through = dir.openAt({symlinkFollow: true}, 'fs-7', {}, {read: true});
    equal(slurp(through), 'content');
    for (const name of ['fs-5', 'fs-6', 'fs-7']) dir.unlinkFileAt(name);
    equal(slurp(file), 'content');
    drop(file, same, through);
  },
  'times'() {
    const dir = root(), file = create(dir, 'fs-8');
    const then = {seconds: 1000000000n, nanoseconds: 5};
    file.setTimes({tag: 'timestamp', val: then}, {tag: 'no-change'});
    equal(file.stat().dataAccessTimestamp, then);
    dir.setTimesAt({}, 'fs-8', {tag: 'no-change'}, {tag: 'timestamp', val: then});
    equal(file.stat().dataModificationTimestamp, then);
    file.setTimes({tag: 'now'}, {tag: 'now'});
    truthy(file.stat().dataAccessTimestamp.seconds > 1700000000n, 'now');
    const bad = {tag: 'timestamp', val: {seconds: 1n, nanoseconds: 1000000000}};
    fails(() => file.setTimes(bad, bad), 'invalid');
    drop(file);
  },
  'sizes, sync and advice'() {
    const file = create(root(), 'fs-9', 'abc');
    file.setSize(5n);
    equal(slurp(file), 'abc\0\0');
    fails(() => file.setSize(1n << 63n), 'file-too-large');
    file.sync();
    file.syncData();
    file.advise(0n, 10n, 'sequential');
    equal(file.read(10n, 100n), [new Uint8Array(), true]);
    fails(() => file.read(1n, 1n << 63n), 'invalid');
    drop(file);
  },
  'directories are not files'() {
    const dir = root();
    fails(() => dir.read(1n, 0n), 'is-directory');
    fails(() => dir.readViaStream(0n), 'is-directory');
    fails(() => dir.setSize(0n), 'bad-descriptor');
    const file = create(dir, 'fs-10');
    fails(() => file.readDirectory(), 'not-directory');
    fails(() => file.openAt({}, 'x', {}, {read: true}), 'not-directory');
    drop(file);
  },
  'a read-only directory'() {
    const dir = getDirectories().find(([, name]) => name === '/ro')[0];
    truthy(!dir.getFlags().mutateDirectory, 'flag');
    const file = dir.openAt({}, 'seed', {}, {read: true});
    equal(slurp(file), 'seed');
    fails(() => dir.openAt({}, 'seed', {truncate: true}, {read: true}), 'read-only');
    fails(() => dir.openAt({}, 'seed', {}, RW), 'read-only');
    fails(() => dir.openAt({}, 'new', {create: true}, {read: true}), 'read-only');
    fails(() => dir.openAt({}, '.', {}, {read: true, mutateDirectory: true}), 'read-only');
    fails(() => dir.createDirectoryAt('new'), 'read-only');
    fails(() => dir.unlinkFileAt('seed'), 'read-only');
    fails(() => dir.renameAt('seed', root(), 'taken'), 'read-only');
    fails(() => dir.linkAt({}, 'seed', root(), 'taken'), 'read-only');
    fails(() => dir.symlinkAt('seed', 'link'), 'read-only');
    fails(() => dir.setTimesAt({}, 'seed', {tag: 'now'}, {tag: 'now'}), 'read-only');
    drop(file, dir);
  },
  'stream errors tell the file system\'s code'() {
    const file = create(root(), 'fs-11');
    const out = file.writeViaStream((1n << 63n) - 1n);
    try {
      out.blockingWriteAndFlush(encode('far away'));
      throw new Error('it was written');
    } catch (e) {
      if (!e.payload) throw e;
      equal(e.payload.tag, 'last-operation-failed');
      truthy(['file-too-large', 'invalid'].includes(filesystemErrorCode(e.payload.val)), 'code');
      truthy(e.payload.val.toDebugString().length > 0, 'text');
      equal(networkErrorCode(e.payload.val), undefined, 'network code');
    }
    fails(() => out.checkWrite(), 'closed');
    drop(out, file);
  },
};

// ---- sockets ---------------------------------------------------------------

const V4 = port => ({tag: 'ipv4', val: {port, address: [127, 0, 0, 1]}});
const V6 = port => ({tag: 'ipv6', val: {port, flowInfo: 0, scopeId: 0,
  address: [0, 0, 0, 0, 0, 0, 0, 1]}});
const families = [['ipv4', V4], ['ipv6', V6]];

function listener(family, local) {
  const socket = createTcpSocket(family), network = instanceNetwork();
  socket.startBind(network, local(0));
  socket.finishBind();
  socket.startListen();
  socket.finishListen();
  drop(network);
  return socket;
}

function finish(socket, call) {
  for (;;) {
    try {
      return call();
    } catch (e) {
      if (e.payload !== 'would-block') throw e;
      const ready = socket.subscribe();
      ready.block();
      drop(ready);
    }
  }
}

function connect(family, remote) {
  const socket = createTcpSocket(family);
  socket.startConnect(instanceNetwork(), remote);
  return [socket, ...finish(socket, () => socket.finishConnect())];
}

const tcp = {};
for (const [family, local] of families) {
  tcp[`${family}: connect, accept, both ways, shutdown`] = () => {
    const server = listener(family, local);
    truthy(server.isListening(), 'listening');
    const {val} = server.localAddress();
    truthy(val.port > 0, 'a port was chosen');
    const [client, cin, cout] = connect(family, local(val.port));
    const [peer, pin, pout] = finish(server, () => server.accept());
    equal(client.remoteAddress(), server.localAddress());
    equal(peer.remoteAddress(), client.localAddress());
    equal(peer.addressFamily(), family);
    equal(pin.read(10n).length, 0);
    cout.blockingWriteAndFlush(encode('to the server'));
    equal(decode(pin.blockingRead(100n)), 'to the server');
    pout.blockingWriteAndFlush(encode('and back'));
    equal(decode(cin.blockingRead(100n)), 'and back');
    client.shutdown('send');
    fails(() => cout.checkWrite(), 'closed');
    fails(() => pin.blockingRead(1n), 'closed');
    pout.blockingWriteAndFlush(encode('half open'));
    peer.shutdown('send');
    equal(drain(cin), 'half open');
    client.shutdown('both');
    client.shutdown('both');
    drop(cin, cout, pin, pout, client, peer, server);
  };
  tcp[`${family}: a megabyte through small windows`] = () => {
    const server = listener(family, local);
    const [client, cin, cout] = connect(family, local(server.localAddress().val.port));
    const [peer, pin, pout] = finish(server, () => server.accept());
    const data = getRandomBytes(1000000n);
    let sent = 0, got = [], have = 0;
    const canSend = cout.subscribe(), canRead = pin.subscribe();
    while (have < data.length) {
      const ready = [...poll(sent < data.length ? [canRead, canSend] : [canRead])];
      if (ready.includes(1)) {
        const n = Math.min(Number(cout.checkWrite()), data.length - sent);
        if (n) cout.write(data.subarray(sent, sent + n));
        sent += n;
      }
      if (ready.includes(0)) {
        const part = pin.read(1000000n);
        got.push(part);
        have += part.length;
      }
      if (sent === data.length) cout.flush();
    }
    const all = new Uint8Array(have);
    let at = 0;
    for (const part of got) {
      all.set(part, at);
      at += part.length;
    }
    truthy(all.every((byte, i) => byte === data[i]), 'the same bytes');
    drop(canSend, canRead, cin, cout, pin, pout, client, peer, server);
  };
}
Object.assign(tcp, {
  'a refused connection closes the socket'() {
    const gone = listener('ipv4', V4), {port} = gone.localAddress().val;
    drop(gone);
    const socket = createTcpSocket('ipv4');
    socket.startConnect(instanceNetwork(), V4(port));
    fails(() => finish(socket, () => socket.finishConnect()), 'connection-refused');
    fails(() => socket.startConnect(instanceNetwork(), V4(port)), 'invalid-state');
    drop(socket);
  },
  'operations in the wrong state'() {
    const network = instanceNetwork(), socket = createTcpSocket('ipv4');
    fails(() => socket.finishBind(), 'not-in-progress');
    fails(() => socket.finishConnect(), 'not-in-progress');
    fails(() => socket.finishListen(), 'not-in-progress');
    fails(() => socket.startListen(), 'invalid-state');
    fails(() => socket.accept(), 'invalid-state');
    fails(() => socket.localAddress(), 'invalid-state');
    fails(() => socket.remoteAddress(), 'invalid-state');
    fails(() => socket.shutdown('both'), 'invalid-state');
    socket.startBind(network, V4(0));
    fails(() => socket.startBind(network, V4(0)), 'concurrency-conflict');
    fails(() => socket.startListen(), 'concurrency-conflict');
    socket.finishBind();
    fails(() => socket.startBind(network, V4(0)), 'invalid-state');
    socket.startListen();
    socket.finishListen();
    fails(() => socket.startConnect(network, V4(1)), 'invalid-state');
    fails(() => socket.accept(), 'would-block');
    drop(socket, network);
  },
  'addresses that are refused'() {
    const network = instanceNetwork(), socket = createTcpSocket('ipv4');
    const v4 = (port, ...address) => ({tag: 'ipv4', val: {port, address}});
    fails(() => socket.startBind(network, V6(0)), 'invalid-argument');
    fails(() => socket.startBind(network, v4(0, 224, 0, 0, 1)), 'invalid-argument');
    fails(() => socket.startBind(network, v4(0, 255, 255, 255, 255)), 'invalid-argument');
    fails(() => socket.startBind(network, v4(0, 192, 0, 2, 1)), 'address-not-bindable');
    fails(() => socket.startConnect(network, v4(0, 127, 0, 0, 1)), 'invalid-argument');
    fails(() => socket.startConnect(network, v4(80, 0, 0, 0, 0)), 'invalid-argument');
    const six = createTcpSocket('ipv6');
    const mapped = port => ({tag: 'ipv6', val: {port, flowInfo: 0, scopeId: 0,
      address: [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1]}});
    fails(() => six.startBind(network, mapped(0)), 'invalid-argument');
    fails(() => six.startConnect(network, mapped(80)), 'invalid-argument');
    const busy = listener('ipv4', V4);
    fails(() => socket.startBind(network, busy.localAddress()), 'address-in-use');
    socket.startBind(network, V4(0));
    socket.finishBind();
    drop(socket, six, busy, network);
  },
  'options'() {
    const socket = createTcpSocket('ipv4');
    equal(socket.keepAliveEnabled(), false);
    socket.setKeepAliveEnabled(true);
    equal(socket.keepAliveEnabled(), true);
    for (const [get, set] of [['keepAliveIdleTime', 'setKeepAliveIdleTime'],
      ['keepAliveInterval', 'setKeepAliveInterval']]) {
      fails(() => socket[set](0n), 'invalid-argument');
      socket[set](1n);
      equal(socket[get](), 1000000000n, get);
      socket[set](1n << 63n);
      truthy(socket[get]() > 1000000000n, get);
    }
    fails(() => socket.setKeepAliveCount(0), 'invalid-argument');
    socket.setKeepAliveCount(4294967295);
    equal(socket.keepAliveCount(), 127);
    fails(() => socket.setHopLimit(0), 'invalid-argument');
    socket.setHopLimit(42);
    equal(socket.hopLimit(), 42);
    for (const [get, set] of [['receiveBufferSize', 'setReceiveBufferSize'],
      ['sendBufferSize', 'setSendBufferSize']]) {
      fails(() => socket[set](0n), 'invalid-argument');
      socket[set](40000n);
      equal(socket[get](), 40000n, get);
      socket[set]((1n << 64n) - 1n);
    }
    fails(() => socket.setListenBacklogSize(0n), 'invalid-argument');
    socket.setListenBacklogSize(1n << 40n);
    drop(socket);
  },
});

const udp = {};
for (const [family, local] of families) {
  udp[`${family}: datagrams to and fro`] = () => {
    const network = instanceNetwork();
    const open = () => {
      const socket = createUdpSocket(family);
      fails(() => socket.stream(undefined), 'invalid-state');
      socket.startBind(network, local(0));
      socket.finishBind();
      return socket;
    };
    const a = open(), b = open();
    const [ain, aout] = a.stream(undefined);
    const [bin, bout] = b.stream(a.localAddress());
    equal(b.remoteAddress(), a.localAddress());
    fails(() => a.remoteAddress(), 'invalid-state');
    equal([...ain.receive(10n)], []);
    truthy(bout.checkSend() >= 2n, 'permit');
    equal(bout.send([{data: encode('one')}, {data: encode('two'), remoteAddress: a.localAddress()}]), 2n);
    const ready = ain.subscribe();
    ready.block();
    const got = ain.receive(10n);
    equal(got.map(d => decode(d.data)), ['one', 'two']);
    equal(got[0].remoteAddress, b.localAddress());
    aout.checkSend();
    equal(aout.send([{data: encode('reply'), remoteAddress: b.localAddress()}]), 1n);
    const back = bin.subscribe();
    back.block();
    equal(decode(bin.receive(1n)[0].data), 'reply');
    aout.checkSend();
    fails(() => aout.send([{data: encode('whereto?')}]), 'invalid-argument');
    bout.checkSend();
    fails(() => bout.send([{data: encode('x'), remoteAddress: local(9)}]), 'invalid-argument');
    bout.checkSend();
    fails(() => bout.send([{data: new Uint8Array(65530)}]), 'datagram-too-large');
    const [, again] = b.stream(undefined);
    truthy(again.checkSend() > 0n, 'the new stream works');
    fails(() => bout.checkSend(), 'invalid-state');
    drop(ready, back, ain, aout, bin, bout, again, a, b, network);
  };
}
udp['options'] = () => {
  const socket = createUdpSocket('ipv6');
  fails(() => socket.setUnicastHopLimit(0), 'invalid-argument');
  socket.setUnicastHopLimit(9);
  equal(socket.unicastHopLimit(), 9);
  socket.setReceiveBufferSize(50000n);
  equal(socket.receiveBufferSize(), 50000n);
  equal(socket.addressFamily(), 'ipv6');
  drop(socket);
};

function lookUp(name) {
  const stream = resolveAddresses(instanceNetwork(), name), found = [];
  for (;;) {
    const address = finish(stream, () => stream.resolveNextAddress());
    if (!address) break;
    found.push(address);
  }
  drop(stream);
  return found;
}

const dns = {
  'written-out addresses need no lookup'() {
    equal(lookUp('192.0.2.7'), [{tag: 'ipv4', val: [192, 0, 2, 7]}]);
    equal(lookUp('2001:db8::1'), [{tag: 'ipv6', val: [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]}]);
  },
  'localhost'() {
    truthy(lookUp('localhost').some(({tag, val}) => tag === 'ipv4' ? val[0] === 127 : val[7] === 1), 'loopback');
  },
  'names that are none'() {
    for (const name of ['', 'a b', 'x'.repeat(300), '1.2.3.4:80', '[::1]', 'http://x'])
      fails(() => lookUp(name), 'invalid-argument');
  },
};

const denied = {
  'no network without a grant'() {
    fails(() => createTcpSocket('ipv4'), 'access-denied');
    fails(() => createUdpSocket('ipv6'), 'access-denied');
    fails(() => lookUp('localhost'), 'access-denied');
  },
  'no directory without a grant'() {
    equal(getDirectories().length, 0);
  },
};

// ---- cases that end the program ----------------------------------------------

const endings = {
  'exit-7'() {
    exitWithCode(7);
  },
  'too-much-random'() {
    getRandomBytes(1n << 40n);
  },
  'poll-nothing'() {
    poll([]);
  },
  'write-without-permit'() {
    const out = getStdout();
    out.write(encode('x'));
  },
  'blocking-write-too-long'() {
    getStdout().blockingWriteAndFlush(new Uint8Array(4097));
  },
  'wait-for-ever'() {
    monotonic.subscribeDuration(1n << 62n).block();
  },
  'echo'() {
    const [socket, input, out] = connect('ipv4', V4(Number(getArguments().at(-1))));
    out.blockingWriteAndFlush(encode('shout this\n'));
    socket.shutdown('send');
    const text = drain(input);
    getStdout().blockingWriteAndFlush(encode(text));
  },
  'throw'() {
    throw new Error('not caught');
  },
};

const groups = {io, base, fs, tcp, udp, dns, denied};

export const run = {
  run() {
    const [, ...names] = getArguments();
    if (endings[names[0]]) return endings[names[0]]();
    for (const group of names)
      for (const [name, test] of Object.entries(groups[group])) {
        try {
          test();
          say(`ok - ${group}: ${name}`);
        } catch (e) {
          say(`not ok - ${group}: ${name}: ${e.payload !== undefined ? `error ${JSON.stringify(e.payload)}` : e.message}`);
        }
      }
  },
};
