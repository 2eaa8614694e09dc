// fetch.js - wasi:http as a client: by hand, since fetch() needs an event loop
// that wasi:cli/run does not have.  Prints what it gets from the server named
// by the first argument (tests/wasi/c/http.c answers).
import {getArguments} from 'wasi:cli/environment@0.2.12';
import {handle} from 'wasi:http/outgoing-handler@0.2.12';
import {Fields, IncomingBody, OutgoingBody, OutgoingRequest, RequestOptions} from 'wasi:http/types@0.2.12';

const encode = text => new TextEncoder().encode(text);
const drop = (...things) => things.forEach(t => t[Symbol.dispose]?.());

function wait(thing) {
  const pollable = thing.subscribe();
  pollable.block();
  drop(pollable);
}

function readAll(stream) {
  const parts = [];
  for (;;) {
    try {
      parts.push(stream.blockingRead(65536n));
    } catch (e) {
      if (e.payload.tag !== 'closed') throw e;
      const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
      parts.reduce((at, p) => (all.set(p, at), at + p.length), 0);
      return all;
    }
  }
}

function writeAll(body, data) {
  const out = body.write();
  for (let at = 0; at < data.length;) {
    wait(out);
    const n = Math.min(Number(out.checkWrite()), data.length - at);
    out.write(data.subarray(at, at + n));
    at += n;
  }
  out.blockingFlush();
  drop(out);
}

function request(authority, path, {method, data, length, early} = {}) {
  const fields = new Fields();
  if (length) fields.append('content-length', encode(String(data.length)));
  const message = new OutgoingRequest(fields);
  message.setAuthority(authority);
  message.setPathWithQuery(path);
  message.setScheme({tag: 'HTTP'});
  if (method) message.setMethod({tag: method});
  const body = data && message.body();
  if (body && early) {
    writeAll(body, data);
    OutgoingBody.finish(body, undefined);
  }
  const options = new RequestOptions();
  options.setConnectTimeout(5000000000n);
  options.setFirstByteTimeout(20000000000n);
  const future = handle(message, options);
  if (body && !early) {
    writeAll(body, data);
    OutgoingBody.finish(body, undefined);
  }
  let result;
  while (!(result = future.get())) wait(future);
  if (result.val.tag === 'err') return {error: result.val.val.tag};
  const response = result.val.val, incoming = response.consume();
  const stream = incoming.stream(), bytes = readAll(stream);
  const madeBy = response.headers().get('x-made-by').map(v => new TextDecoder().decode(v));
  drop(stream);
  const trailers = IncomingBody.finish(incoming);
  while (!trailers.get()) wait(trailers);
  const status = response.status();
  drop(trailers, response, future);
  return {status, madeBy: madeBy[0], bytes};
}

export const run = {
  run() {
    const [, authority] = getArguments();
    const show = (name, {status, madeBy, bytes, error}) => console.log(name,
        error ?? `${status} ${madeBy} ${bytes.length > 60 ? bytes.length : JSON.stringify(new TextDecoder().decode(bytes))}`);
    const big = crypto.getRandomValues(new Uint8Array(60000));
    show('get', request(authority, '/'));
    show('missing', request(authority, '/absent?q=1'));
    show('head', request(authority, '/', {method: 'head'}));
    show('chunks', request(authority, '/echo', {method: 'post', data: encode('in chunks')}));
    show('length', request(authority, '/echo', {method: 'put', data: encode('by length'), length: true}));
    show('early', request(authority, '/echo', {method: 'post', data: encode('written first'), early: true}));
    show('cut', (() => {
      try {
        return request(authority, '/cut');
      } catch (e) {
        return {error: e.payload.tag};
      }
    })());
    const back = request(authority, '/echo', {method: 'post', data: big});
    show('big', back);
    console.log('same', back.bytes?.every((byte, i) => byte === big[i]));
    show('refused', request('127.0.0.1:1', '/'));
    show('name', request('localhost' + authority.slice(authority.indexOf(':')), '/'));
    show('no host', request('no.such.host.invalid', '/'));
  },
};
