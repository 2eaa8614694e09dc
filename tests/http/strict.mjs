// strict.mjs - another parser: node's, strict as it is by default.  Keeps what
// requests it saw whole, each as its target and body; /--seen tells, and
// forgets.  Prints its port.
import http from 'node:http';

let seen = [];
const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', part => parts.push(part));
  request.on('end', () => {
    if (request.url === '/--seen') {
      response.end(JSON.stringify(seen));
      seen = [];
      return;
    }
    seen.push([request.url, Buffer.concat(parts).toString('latin1')]);
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
