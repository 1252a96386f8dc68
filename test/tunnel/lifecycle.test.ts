/** Pings, idle and absolute lifetimes of WebSockets, and lifetimes of other tunnels. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SignJWT } from 'jose';
import {
  connect,
  repeatAfterStall,
  scriptedBackend,
  startProxy,
  until,
  websocket,
  websocketEcho,
} from '../kit/index.js';
import { close, codeOf, frame, SWITCH, UPGRADE } from './raw-frames.js';
import { configuration, rawTunnel } from './raw-tunnel.js';

/** The payload of an unmasked ping. */
function pingOf(bytes: string): string {
  assert.equal(bytes.slice(0, 2), '\x89\x08', JSON.stringify(bytes));
  return bytes.slice(2);
}

/** The payload of a masked ping. */
function maskedPingOf(bytes: string): string {
  assert.equal(bytes.slice(0, 2), '\x89\x88', JSON.stringify(bytes));
  const codes = [...bytes].map((char) => char.charCodeAt(0));
  return String.fromCharCode(...codes.slice(6).map((code, i) => code ^ (codes[2 + (i & 3)] as number)));
}

// Their time is that of timers.
describe('lifetimes', { concurrency: 4 }, () => {
  describe('websocket_ping_interval', () => {
    test('pings both ends, masked towards the upstream, and does not forward their answers', async (t) => {
      const { client, upstream } = await rawTunnel(t, 'websocket_ping_interval 200ms; websocket_ping_timeout 1m;');
      // On a busy machine the next ping to the client may be due before the data.
      let early = '';
      for (let i = 0; i < 3; i++) {
        const toClient = pingOf(early || (await client.bytes(10)));
        const toUpstream = maskedPingOf(await upstream.reader.bytes(14));
        assert.notEqual(toClient, toUpstream);
        // Other pongs are forwarded, before and after the answer.
        const other = frame({ opcode: 10, payload: '12345678' }, true);
        client.send(other + frame({ opcode: 10, payload: toClient }, true));
        assert.equal(await upstream.reader.bytes(other.length), other);
        upstream.send(frame({ opcode: 10, payload: toUpstream }) + frame({ payload: 'data' }));
        let next = await client.bytes(6);
        early = next.startsWith('\x89') ? next + (await client.bytes(4)) : '';
        if (early !== '') next = await client.bytes(6);
        assert.equal(next, frame({ payload: 'data' }));
      }
    });

    test('waits for the end of the frame in flight, and may stand between two fragments', async (t) => {
      const { proxy, client, upstream } = await rawTunnel(t, '');
      const first = frame({ more: true, payload: 'begin' });
      upstream.send(first.slice(0, 4));
      assert.equal(await client.bytes(4), first.slice(0, 4));
      // There are no pings before the frame is in flight.
      const directives = 'websocket_ping_interval 200ms; websocket_ping_timeout 1m;';
      await proxy.reload(configuration(upstream.socket.localPort ?? 0, directives));
      // The upstream's ping shows that the client's is due as well.
      maskedPingOf(await upstream.reader.bytes(14));
      upstream.send(first.slice(4));
      assert.equal(await client.bytes(3), first.slice(4));
      pingOf(await client.bytes(10));
      upstream.send(frame({ opcode: 0, payload: 'end' }));
      assert.equal(await client.bytes(5), frame({ opcode: 0, payload: 'end' }));
    });

    test('keeps proxy_read_timeout from expiring, and ws does not notice', async (t) => {
      const echo = await websocketEcho();
      t.after(() => echo.close());
      const directives = 'proxy_read_timeout 2s; websocket_ping_interval 300ms; websocket_ping_timeout 1m;';
      const proxy = await startProxy(configuration(echo.port, directives));
      t.after(() => proxy.close());
      const client = await websocket(proxy.port);
      let pings = 0;
      client.socket.on('ping', () => pings++);
      client.socket.on('pong', () => assert.fail('an answer to a ping of the proxy'));
      await until('there were pings for longer than the timeout', () => pings >= 10);
      assert.equal(await client.ask('still here'), 'still here');
      assert.equal(await client.close(), 1000);
    });
  });

  describe('websocket_ping_timeout', () => {
    test('closes the upstream with 1001 if the client is dead', async (t) => {
      const { client, upstream } = await rawTunnel(t, 'websocket_ping_interval 200ms; websocket_ping_timeout 1s;');
      // The upstream answers, the client does not.
      const answer = (bytes: string): void => {
        upstream.send(frame({ opcode: 10, payload: maskedPingOf(bytes) }));
      };
      answer(await upstream.reader.bytes(14));
      let last = '';
      for (;;) {
        last = await upstream.reader.bytes(2);
        if (last.charCodeAt(0) === 0x88) break;
        answer(last + (await upstream.reader.bytes(12)));
      }
      const rest = await upstream.reader.all();
      assert.equal(codeOf(last + rest), 1001);
      assert.match(await client.all(), /^\x89\x08.{8}\x88/s);
    });

    test('closes the client with 1014 if the upstream is dead', async (t) => {
      const { client } = await rawTunnel(t, 'websocket_ping_interval 200ms; websocket_ping_timeout 1s;');
      for (;;) {
        const head = await client.bytes(2);
        if (head.charCodeAt(0) === 0x88) {
          const code = await client.bytes(2);
          assert.equal((code.charCodeAt(0) << 8) | code.charCodeAt(1), 1014);
          assert.equal(await client.all(), 'upstream did not answer a ping');
          break;
        }
        client.send(frame({ opcode: 10, payload: await client.bytes(8) }, true));
      }
    });

    test('does not apply while other bytes arrive: an answer may have to wait for them', async (t) => {
      // Bytes that are more than the timeout apart do not prolong it.
      await repeatAfterStall(250, async () => {
        const { client, upstream } = await rawTunnel(t, 'websocket_ping_interval 100ms; websocket_ping_timeout 600ms;');
        upstream.socket.on('data', () => {});
        client.send(frame({ payload: 'x'.repeat(125) }, true).slice(0, 6));
        let sent = 0;
        // The client does not answer a ping for longer than the timeout.
        const timer = setInterval(() => {
          if (sent++ < 24) client.send('x');
        }, 100);
        t.after(() => clearInterval(timer));
        const start = performance.now();
        // The payload of a ping may contain any byte: frames are read one by one.
        for (;;) {
          const head = await client.bytes(2);
          if (head.startsWith('\x88')) break;
          pingOf(head + (await client.bytes(8)));
        }
        clearInterval(timer);
        assert.ok(performance.now() - start > 2000);
      });
    });
  });

  describe('websocket_idle_timeout', () => {
    test('closes both ends with 1001, and pings are no messages', async (t) => {
      const start = performance.now();
      const { client, upstream } = await rawTunnel(t, 'websocket_idle_timeout 800ms;');
      const timer = setInterval(() => client.send(frame({ opcode: 9, payload: '' }, true)), 100);
      t.after(() => clearInterval(timer));
      upstream.socket.on('data', () => {});
      const head = await client.bytes(4);
      clearInterval(timer);
      assert.equal(head, `\x88\x0e\x03\xe9`);
      assert.equal(await client.bytes(12), 'idle timeout');
      assert.ok(performance.now() - start > 700);
      client.send(close(1001, true));
      upstream.send(close(1001));
      assert.equal(await client.all(), '');
    });

    test('is extended by messages in either direction', async (t) => {
      const echo = await websocketEcho();
      t.after(() => echo.close());
      const proxy = await startProxy(configuration(echo.port, 'websocket_idle_timeout 1s;'));
      t.after(() => proxy.close());
      const client = await websocket(proxy.port);
      const start = performance.now();
      while (performance.now() - start < 2500) {
        assert.equal(await client.ask('busy'), 'busy');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.equal(await client.closed, 1001);
      await until('the back end has noticed', () => echo.closeCodes.length === 1);
      assert.deepEqual(echo.closeCodes, [1001]);
    });
  });

  describe('websocket_expire', () => {
    test('closes both ends at this age with 1000 or the given code, however active they are', async (t) => {
      const echo = await websocketEcho();
      t.after(() => echo.close());
      for (const [directive, code] of [
        ['websocket_expire 700ms;', 1000],
        ['websocket_expire 700ms code=4002;', 4002],
      ] as const) {
        const proxy = await startProxy(configuration(echo.port, directive));
        t.after(() => proxy.close());
        const client = await websocket(proxy.port);
        const timer = setInterval(() => client.send('busy'), 20);
        t.after(() => clearInterval(timer));
        assert.equal(await client.closed, code);
        clearInterval(timer);
        await until('the back end has noticed', () => echo.closeCodes.at(-1) === code);
      }
    });

    test('of a new configuration applies to open WebSockets: their age counts from their start', async (t) => {
      const echo = await websocketEcho();
      t.after(() => echo.close());
      const proxy = await startProxy(configuration(echo.port, ''));
      t.after(() => proxy.close());
      const client = await websocket(proxy.port);
      await proxy.reload(configuration(echo.port, 'websocket_expire 1h; websocket_ping_interval 100ms;'));
      await new Promise((resolve) => client.socket.once('ping', resolve));
      assert.equal(await client.ask('still here'), 'still here');
      await proxy.reload(configuration(echo.port, 'websocket_expire 10ms code=4009;'));
      assert.equal(await client.closed, 4009);
    });
  });

  describe('websocket_expire_jwt', () => {
    test('closes a WebSocket when the token of its request expires', async (t) => {
      const key = Buffer.from('a secret of thirty-two bytes at least');
      const echo = await websocketEcho();
      t.after(() => echo.close());
      const keys = JSON.stringify({ keys: [{ kty: 'oct', k: key.toString('base64url'), alg: 'HS256' }] });
      const jwt = 'auth_jwt api token=$arg_token; auth_jwt_key_file %%DIR%%/keys.json;';
      const text = configuration(echo.port, `${jwt} websocket_expire_jwt on code=4401;`);
      const proxy = await startProxy(text, {}, { files: { 'keys.json': keys } });
      t.after(() => proxy.close());
      const token = (exp: number) =>
        new SignJWT({ sub: 'me' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(exp).sign(key);
      const seconds = Math.floor(Date.now() / 1000);
      const short = await websocket(proxy.port, `/?token=${await token(seconds + 3)}`);
      const long = await websocket(proxy.port, `/?token=${await token(seconds + 3600)}`);
      assert.equal(await short.closed, 4401);
      assert.ok(Date.now() >= (seconds + 3) * 1000 - 100);
      assert.equal(await long.ask('still here'), 'still here');
      assert.equal(await long.close(), 1000);
    });
  });

  describe('tunnel_lifetime', () => {
    test('closes tunnels of other protocols at this age, but no WebSockets', async (t) => {
      const backend = await scriptedBackend(async (connection) => {
        const head = await connection.head();
        connection.send(/upgrade: websocket/i.test(head?.head ?? '') ? SWITCH : SWITCH.replace('websocket', 'other'));
        for (;;) connection.send(await connection.reader.bytes(1));
      });
      const proxy = await startProxy(configuration(backend.port, 'tunnel_lifetime 1s;'));
      t.after(async () => {
        await proxy.close();
        await backend.close();
      });
      const socket = await connect(proxy.port);
      socket.send(UPGRADE);
      await socket.until('\r\n\r\n');
      const other = await connect(proxy.port);
      const start = performance.now();
      other.send(UPGRADE.replace('websocket', 'other'));
      await other.until('\r\n\r\n');
      other.send('a');
      assert.equal(await other.all(), 'a');
      assert.ok(performance.now() - start > 900);
      socket.send(frame({ payload: 'b' }, true));
      assert.equal(await socket.bytes(7), frame({ payload: 'b' }, true));
      socket.close();
    });
  });
});
