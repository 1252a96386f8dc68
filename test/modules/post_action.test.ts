import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  answeringBackend,
  type Backend,
  connect,
  exchange,
  get,
  type ReceivedRequest,
  reply,
  request,
  scriptedBackend,
  startProxy,
  type TestProxy,
  until,
  type WebSocketEcho,
  websocket,
  websocketEcho,
} from '../kit/index.js';

describe('post_action', () => {
  let proxy: TestProxy;
  let backend: Backend;
  let reports: Backend;
  let echo: WebSocketEcho;
  const arrived: ReceivedRequest[] = [];
  /** Called when a report that is to wait has arrived. */
  let answerLate: (() => void) | null = null;

  before(async () => {
    backend = await scriptedBackend(async (connection) => {
      for (;;) {
        const received = await connection.request();
        if (received === null) return;
        if (received.target.startsWith('/endless')) connection.send('HTTP/1.1 200 OK\r\nX-B: main\r\n\r\nbegin');
        else if (received.target.startsWith('/cut'))
          connection.send('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart').end();
        else connection.send(reply('content', { fields: ['X-B: main'] }));
      }
    });
    reports = await answeringBackend(async (received) => {
      arrived.push(received);
      if (received.target.startsWith('/late')) await new Promise<void>((resolve) => (answerLate = resolve));
      return reply('a report', { status: '202 Accepted', fields: ['X-B: report'] });
    });
    echo = await websocketEcho();
    proxy = await startProxy(
      `
      log_format f '$request_uri $uri $status $request_completion $body_bytes_sent $upstream_status';
      access_log logs/access.log f;
      upstream reports { server 127.0.0.1:%%REPORTS%%; }
      server {
        listen 127.0.0.1:0;
        location /own { post_action /done; return 201 hello; }
        location /named { post_action @done; return 200 hello; }
        location /error { post_action /done; return 404; }
        location /dropped { post_action /done; return 444; }
        location /proxied { post_action /done; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /endless { post_action /done; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /cut { post_action /done; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /tunnel {
          post_action /done;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection upgrade;
          proxy_pass http://127.0.0.1:%%ECHO%%;
        }
        location /body { post_action /with-body; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /limited { client_max_body_size 5; post_action /with-limit; return 200 ok; }
        location /with-limit { client_max_body_size 5; proxy_pass http://reports/limit; }
        location /in-file { client_body_in_file_only clean; post_action /with-body; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /late { post_action /waits; return 200 first; }
        location /denied { post_action /deny; return 200 ok; }
        location /silent { post_action /unlogged; return 200 ok; }
        location /missing { post_action @nowhere; return 200 ok; }
        location /repeated { post_action /again; return 200 ok; }
        location /again { post_action /again; proxy_pass http://reports/again; }
        location /if { if ($arg_report) { post_action /done; return 200 reported; } return 200 quiet; }
        location /included { ssi on; default_type text/html; return 200 '<!--#include virtual="/own" -->.'; }
        location /auth { auth_request /check; return 200 ok; }
        location = /check { post_action /done; proxy_pass http://127.0.0.1:%%BACKEND%%; }
        location /done {
          internal;
          proxy_pass_request_body off;
          proxy_pass http://reports/done?$status,$request_completion,$body_bytes_sent,$upstream_status,$upstream_http_x_b;
        }
        location @done { proxy_set_header X-Named yes; proxy_pass http://reports; }
        location /with-body { proxy_pass http://reports/body; }
        location /waits { proxy_pass http://reports/late; }
        location /deny { deny all; proxy_pass http://reports/denied; }
        location /unlogged { access_log off; return 204; }
      }`,
      { BACKEND: backend.port, REPORTS: reports.port, ECHO: echo.port },
    );
  });
  after(async () => {
    await proxy.close();
    await Promise.all([backend.close(), reports.close(), echo.close()]);
  });

  /** The log line of the request with this target; it is written after the second pass. */
  async function logged(target: string): Promise<string> {
    let line: string | undefined;
    await until(`${target} is logged`, () => {
      line = proxy.accessLog().find((each) => each.startsWith(`${target} `));
      return line !== undefined;
    });
    return line ?? '';
  }
  /** Reports that arrived since the last call. */
  function taken(): ReceivedRequest[] {
    return arrived.splice(0);
  }

  it('runs after the response, which the variables show, and is logged in its own location', async () => {
    const answer = await get(proxy.port, '/own');
    assert.deepEqual([answer.status, answer.body], [201, 'hello']);
    assert.equal(await logged('/own'), '/own /done 202 OK 5 202');
    assert.deepEqual(
      taken().map(({ method, target }) => [method, target]),
      [['GET', '/done?201,OK,5,,']],
    );
  });

  it('runs in a named location', async () => {
    await get(proxy.port, '/named');
    assert.equal(await logged('/named'), '/named /named 202 OK 5 202');
    assert.equal(taken()[0]?.field('x-named'), 'yes');
  });

  it('follows a response of an upstream and reports its status', async () => {
    assert.equal((await get(proxy.port, '/proxied')).body, 'content');
    assert.equal(await logged('/proxied'), '/proxied /done 202 OK 7 200 : 202');
    assert.equal(taken()[0]?.target, '/done?200,OK,7,200,');
  });

  it('follows an error, whose status stays', async () => {
    assert.equal((await get(proxy.port, '/error')).status, 404);
    assert.match(await logged('/error'), /^\/error \/done 404 OK \d+ 202$/);
    assert.match(taken()[0]?.target ?? '', /^\/done\?404,OK,/);
  });

  it('does not follow "return 444"', async () => {
    assert.equal(await exchange(proxy.port, request('/dropped')), '');
    assert.match(await logged('/dropped'), /^\/dropped \/dropped 444 {2}0/);
    assert.deepEqual(taken(), []);
  });

  it('runs when the client has closed the connection before the end of the response', async () => {
    const client = await connect(proxy.port);
    client.send(request('/endless'));
    await client.reader.until('begin');
    client.close();
    assert.match(await logged('/endless'), /^\/endless \/done 202 {2}\d+ 200 : 202$/);
    assert.match(taken()[0]?.target ?? '', /^\/done\?200,,\d+,200,$/);
  });

  it('runs when the upstream has cut the response off, of which the client gets the part that arrived', async () => {
    const bytes = await exchange(proxy.port, request('/cut'));
    assert.ok(bytes.endsWith('part'), bytes);
    await logged('/cut');
    assert.equal(taken()[0]?.target, '/done?200,OK,4,200,');
  });

  it('runs after a tunnel', async () => {
    const client = await websocket(proxy.port, '/tunnel');
    assert.equal(await client.ask('hello'), 'hello');
    await client.close();
    assert.match(await logged('/tunnel'), /^\/tunnel \/done 202 OK \d+ 101 : 202$/);
    assert.match(taken()[0]?.target ?? '', /^\/done\?101,OK,\d+,101,$/);
  });

  it('has the request body if it was read', async () => {
    await get(proxy.port, '/body', { method: 'POST', body: 'the body' });
    await logged('/body');
    await get(proxy.port, '/own?unread', { method: 'POST', body: 'another' });
    await logged('/own?unread');
    assert.deepEqual(
      taken().map(({ method, target, body }) => [method, target.split('?')[0], body]),
      [
        ['POST', '/body', 'the body'],
        ['POST', '/done', ''],
      ],
    );
  });

  it('has no body if the client has closed the connection before the end of it', async () => {
    for (const path of ['/body', '/in-file']) {
      const client = await connect(proxy.port);
      client.send(`POST ${path}?cut HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\na part`);
      client.close();
      assert.match(await logged(`${path}?cut`), / 202 {2}0 202$/);
      assert.deepEqual(
        taken().map(({ target, body, field }) => [target, body, field('content-length')]),
        [['/body', '', '0']],
      );
    }
    assert.deepEqual(proxy.messages('crit'), []);
  });

  it('follows the refusal of a body, which is not refused again', async () => {
    assert.equal((await get(proxy.port, '/limited', { method: 'POST', body: 'too large' })).status, 413);
    assert.match(await logged('/limited'), /^\/limited \/with-limit 413 OK \d+ 202$/);
    assert.deepEqual(
      taken().map(({ target, body }) => [target, body]),
      [['/limit', '']],
    );
    assert.equal(proxy.messages('error').filter((line) => line.includes('too large body')).length, 1);
  });

  it('does not delay the response, but the next one on the connection, as in nginx', async () => {
    const client = await connect(proxy.port);
    client.send(request('/late', { fields: ['Connection: keep-alive'] }) + request('/if'));
    assert.equal((await client.answer()).body, 'first');
    await until('the report has arrived', () => answerLate !== null);
    assert.ok(!proxy.accessLog().some((line) => line.startsWith('/if ')));
    answerLate?.();
    assert.equal((await client.answer()).body, 'quiet');
    client.close();
    taken();
  });

  it('passes the access phase, and may be written to no log', async () => {
    await get(proxy.port, '/denied');
    assert.equal(await logged('/denied'), '/denied /deny 403 OK 2 -');
    await get(proxy.port, '/silent');
    await get(proxy.port, '/if?last');
    await logged('/if?last');
    assert.ok(!proxy.accessLog().some((line) => line.startsWith('/silent')));
    assert.deepEqual(taken(), []);
  });

  it('is logged as an error if the named location is missing', async () => {
    assert.equal((await get(proxy.port, '/missing')).body, 'ok');
    assert.match(await logged('/missing'), /^\/missing \/missing 500 OK 2/);
    assert.ok(proxy.messages('error').some((message) => message.includes('could not find named location "@nowhere"')));
  });

  it('is repeated in a location that has one itself, up to the limit of redirects', async () => {
    await get(proxy.port, '/repeated');
    assert.match(await logged('/repeated'), /^\/repeated \/again 500 OK 2/);
    assert.equal(taken().length, 10);
    assert.ok(proxy.messages('error').some((message) => message.includes('internal redirection cycle')));
  });

  it('may be set in "if"', async () => {
    await get(proxy.port, '/if?report=1');
    await logged('/if?report=1');
    await get(proxy.port, '/if?quiet');
    await logged('/if?quiet');
    assert.equal(taken().length, 1);
  });

  it('does not follow subrequests', async () => {
    assert.equal((await get(proxy.port, '/included')).body, 'hello.');
    assert.equal((await get(proxy.port, '/auth')).body, 'ok');
    await logged('/auth');
    assert.deepEqual(taken(), []);
  });
});
