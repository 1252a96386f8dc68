/** The head that an upstream is asked with: `proxy_set_header` and its inheritance, the client's fields, the fields of one hop. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answeringBackend, type Backend, exchange, get, reply, startProxy, type TestProxy } from '../kit/index.js';

/** Answers with the head as it came. */
const HEAD = (request: { head: string }) => reply(request.head);

describe('the head of a proxied request', () => {
  let backend: Backend;
  let unix: Backend;
  let proxy: TestProxy;
  before(async () => {
    backend = await answeringBackend(HEAD);
    unix = await answeringBackend(HEAD, { unix: true });
    proxy = await startProxy(
      `
      upstream app { server 127.0.0.1:%%PORT%%; }
      proxy_set_header X-Http http;
      server {
        listen 127.0.0.1:0;
        location / { proxy_pass http://127.0.0.1:%%PORT%%; }
        location /own { proxy_set_header X-Own own; proxy_pass http://app; }
        location /nest { proxy_set_header X-Outer outer; location /nest/in { proxy_pass http://app; }
          location /nest/own { proxy_set_header X-Inner inner; proxy_pass http://app; } }
        location /if { proxy_set_header X-Outer outer; proxy_pass http://app; if ($arg_x) { set $y 1; } }
        location /host { proxy_set_header Host $host; proxy_pass http://app; }
        location /http-host { proxy_set_header Host $http_host; proxy_pass http://app; }
        location /empty-host { proxy_set_header Host ""; proxy_pass http://app; }
        location /empty-host-1.0 { proxy_http_version 1.0; proxy_set_header Host ""; proxy_pass http://app; }
        location /replace {
          proxy_set_header x-one "changed $arg_x"; proxy_set_header X-Two ""; proxy_set_header X-Three $arg_none;
          proxy_set_header X-Twice a; proxy_set_header X-Twice b;
          proxy_pass http://app;
        }
        location /connection { proxy_set_header Connection $http_connection; proxy_set_header Upgrade $http_upgrade; proxy_pass http://app; }
        location /keep-alive { proxy_set_header Connection keep-alive; proxy_http_version 1.0; proxy_pass http://app; }
        location /te { proxy_set_header TE trailers; proxy_pass http://app; }
        location /forwarded { proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Real-IP $remote_addr; proxy_pass http://app; }
        location /variables { proxy_set_header X-V "$proxy_host|$proxy_port|$upstream_addr"; proxy_pass http://127.0.0.1:%%PORT%%/; }
        location /1.0 { proxy_http_version 1.0; proxy_pass http://app; }
        location /scheme { set $scheme_of_app http; proxy_set_header Connection $http_connection; proxy_set_header X-One 1; proxy_set_header Upgrade $http_upgrade; proxy_set_header X-Two 2; proxy_pass $scheme_of_app://127.0.0.1:%%PORT%%; }
        location /slices { proxy_set_header Range $slice_range; proxy_pass http://app; }
        location /none { proxy_pass_request_headers off; proxy_pass http://app; }
        location /method { proxy_method $arg_m; proxy_pass http://app; }
        location /unix { proxy_pass http://unix:%%SOCKET%%; }
      }`,
      { PORT: backend.port, SOCKET: unix.path },
    );
  });
  after(async () => {
    await proxy.close();
    await backend.close();
    await unix.close();
  });
  /** The lines that the upstream got behind the request line, for a request with these lines. */
  const lines = async (path: string, fields: readonly string[] = []) => {
    const text = [`GET ${path} HTTP/1.1`, 'Host: Client.Example:81', ...fields, 'Connection: close', '', ''];
    const answer = await exchange(proxy.port, text.join('\r\n'));
    return answer.slice(answer.search(/\r\n\r\n[A-Z]+ \//) + 4, -4).split('\r\n');
  };

  test('Host is the one of proxy_pass unless it is set', async () => {
    assert.equal((await lines('/'))[1], `Host: 127.0.0.1:${backend.port}`);
    assert.equal((await lines('/own'))[1], 'Host: app');
    assert.equal((await lines('/host'))[1], 'Host: client.example');
    assert.equal((await lines('/http-host'))[1], 'Host: Client.Example:81');
    assert.equal((await lines('/unix'))[1], 'Host: localhost');
  });
  test('fields keep their order if the scheme of the target is a variable', async () => {
    const names = (await lines('/scheme', ['Upgrade: x'])).slice(1).map((line) => line.replace(/:.*/, ''));
    assert.deepEqual(names, ['Host', 'Connection', 'X-One', 'Upgrade', 'X-Two']);
  });
  test('the range of a slice is a field without a value if responses are not sliced', async () => {
    const ranges = (all: readonly string[]) => all.filter((line) => line.startsWith('Range'));
    assert.deepEqual(ranges(await lines('/slices', ['range: bytes=0-9'])), []);
  });
  test('an empty Host is left out for HTTP/1.0, and the default one is sent over HTTP/1.1', async () => {
    assert.deepEqual(await lines('/empty-host'), ['GET /empty-host HTTP/1.1', 'Host: app']);
    assert.deepEqual(await lines('/empty-host-1.0'), ['GET /empty-host-1.0 HTTP/1.0']);
  });
  test('fields of one level hold until a level sets its own', async () => {
    assert.deepEqual((await lines('/own')).slice(1), ['Host: app', 'X-Own: own']);
    assert.deepEqual((await lines('/host')).slice(1), ['Host: client.example']);
    assert.deepEqual((await lines('/')).slice(2), ['X-Http: http']);
    assert.deepEqual((await lines('/nest/in')).slice(2), ['X-Outer: outer']);
    assert.deepEqual((await lines('/nest/own')).slice(2), ['X-Inner: inner']);
    assert.deepEqual((await lines('/if?x=1')).slice(2), ['X-Outer: outer']);
  });
  test('fields of the client are passed on in their order and case', async () => {
    const fields = [
      'x-lower: 1',
      'X-UPPER: 2',
      'Cookie: a=b',
      'x-lower: 3',
      'Accept: */*',
      'X-Empty:',
      'X-Latin: \xfc',
    ];
    assert.deepEqual((await lines('/own', fields)).slice(3), [...fields.slice(0, 5), 'X-Empty: ', 'X-Latin: \xfc']);
  });
  test('a set field takes the place of all the client sent under that name, and an empty one removes them', async () => {
    const sent = ['X-One: 1', 'X-ONE: 2', 'X-Two: 2', 'X-Three: 3', 'X-Twice: c', 'X-Four: 4'];
    assert.deepEqual((await lines('/replace?x=y', sent)).slice(2), [
      'x-one: changed y',
      'X-Twice: a',
      'X-Twice: b',
      'X-Four: 4',
    ]);
  });
  test('fields of one hop stay here', async () => {
    const hop = ['Keep-Alive: 5', 'Proxy-Connection: x', 'TE: trailers', 'Upgrade: h2c', 'Expect: 100-continue'];
    assert.deepEqual((await lines('/own', [...hop, 'X: y'])).slice(3), ['X: y']);
  });
  test('fields of one hop can be set again', async () => {
    assert.deepEqual((await lines('/connection', ['Upgrade: a'])).slice(2), ['Connection: close', 'Upgrade: a']);
    assert.deepEqual((await lines('/keep-alive')).slice(2), ['Connection: keep-alive']);
    assert.deepEqual((await lines('/te')).slice(2), ['TE: trailers']);
  });
  test('no Connection field is sent by default, and the version is 1.1', async () => {
    assert.deepEqual(await lines('/own'), ['GET /own HTTP/1.1', 'Host: app', 'X-Own: own']);
    const [line, ...rest] = await lines('/1.0');
    assert.equal(line, 'GET /1.0 HTTP/1.0');
    assert.ok(!rest.some((field) => /^(connection|transfer-encoding):/i.test(field)), rest.join());
  });
  test('$proxy_add_x_forwarded_for joins what came before with the address of the client', async () => {
    assert.deepEqual((await lines('/forwarded')).slice(2), ['X-Forwarded-For: 127.0.0.1', 'X-Real-IP: 127.0.0.1']);
    const came = await lines('/forwarded', ['X-Forwarded-For: 1.1.1.1', 'x-forwarded-for: 2.2.2.2, 3.3.3.3']);
    assert.equal(came[2], 'X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1');
  });
  test('$proxy_host and $proxy_port are those of the URL', async () => {
    assert.equal(
      (await lines('/variables'))[2],
      `X-V: 127.0.0.1:${backend.port}|${backend.port}|127.0.0.1:${backend.port}`,
    );
  });
  test('proxy_pass_request_headers off passes none of the client', async () => {
    assert.deepEqual(await lines('/none', ['X: y', 'Cookie: a=b']), [
      'GET /none HTTP/1.1',
      'Host: app',
      'X-Http: http',
    ]);
  });
  test('proxy_method stands in the place of the method', async () => {
    assert.equal((await lines('/method?m=PURGE'))[0], 'PURGE /method?m=PURGE HTTP/1.1');
  });
  test('fields of a length that no buffer holds are refused before an upstream is asked', async () => {
    const before = backend.requests.length;
    assert.equal((await get(proxy.port, '/', { fields: [`X: ${'x'.repeat(9000)}`] })).status, 400);
    assert.equal(backend.requests.length, before);
  });
});
