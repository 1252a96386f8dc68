/** Functions of scripts that select servers of upstreams. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { get, listening, startProxy } from '../kit/index.js';

/** Port of a server that responds with its name. */
function named(t: TestContext, name: string): Promise<number> {
  const server = createServer((req, res) => {
    if (req.url === '/fail') res.destroy();
    else res.end(name);
  });
  return listening(t, server);
}

test('a function selects the server by the request; failures leave the choice to round robin', async (t) => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => named(t, name)));
  const script = `
    export function choose(r, peers) {
      const wanted = r.headersIn['X-Peer'];
      if (wanted === 'throw') throw new Error('on purpose');
      if (wanted === 'async') return Promise.resolve(peers[0]);
      if (wanted === 'none') return 'elsewhere:1';
      if (wanted === 'heaviest') return peers.find(({ weight }) => weight === 3);
      if (wanted === 'name') return peers[1].name;
      if (wanted === 'all') { r.variables.seen = JSON.stringify(peers.map(({ connections, weight, server }) => [connections, weight, server.length > 9])); return null; }
      return peers[Number(wanted)];
    }`;
  const proxy = await startProxy(
    `js_import main from main.js;
     js_var $seen;
     upstream app { js_balancer main.choose; server 127.0.0.1:${a}; server 127.0.0.1:${b}; server 127.0.0.1:${c} weight=3; }
     server { listen 127.0.0.1:0; location / { proxy_pass http://app; add_header X-Seen $seen; } }`,
    {},
    { files: { 'main.js': script } },
  );
  t.after(() => proxy.close());
  const ask = async (peer: string) => (await get(proxy.port, '/', { fields: [`X-Peer: ${peer}`] })).body;
  assert.deepEqual([await ask('0'), await ask('1'), await ask('2')], ['a', 'b', 'c']);
  assert.deepEqual([await ask('heaviest'), await ask('name')], ['c', 'b']);
  const all = await get(proxy.port, '/', { fields: ['X-Peer: all'] });
  assert.equal(all.field('x-seen'), '[[0,1,true],[0,1,true],[0,3,true]]');
  for (const peer of ['throw', 'async', 'none']) assert.match(await ask(peer), /^[abc]$/);
  const errors = proxy.messages('error').join('\n');
  for (const part of ['on purpose', 'async function', 'returned none of the peers'])
    assert.ok(errors.includes(part), part);
  // Each failed attempt is followed by one with the servers that remain.
  const failed = await get(proxy.port, '/fail', { fields: ['X-Peer: 0'] });
  assert.equal(failed.status, 502);
});
