import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { buildSchema, graphql } from 'graphql';
import { createClient } from 'graphql-ws';
import { WebSocket, WebSocketServer } from 'ws';
import { listening, startRecipe } from './kit.js';

const require = createRequire(import.meta.url);
// Its types need those of a browser.
const { useServer } = require('graphql-ws/use/ws') as {
  useServer: (options: object, server: WebSocketServer) => unknown;
};

const schema = buildSchema('type Query { hello: String } type Subscription { count(to: Int!): Int }');
const rootValue = {
  hello: () => 'world',
  async *count({ to }: { readonly to: number }) {
    for (let i = 1; i <= to; i++) yield { count: i };
  },
};

test('graphql-ws: queries, and subscriptions over a WebSocket of the same path', async (t) => {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (bytes) => (body += bytes));
    request.on('end', async () => {
      const { query } = JSON.parse(body) as { query: string };
      response.end(JSON.stringify(await graphql({ schema, rootValue, source: query })));
    });
  });
  useServer({ schema, roots: { subscription: rootValue } }, new WebSocketServer({ server, path: '/graphql' }));
  const proxy = await startRecipe(t, 'GraphQL subscriptions (graphql-ws)', await listening(t, server));
  const at = `127.0.0.1:${proxy.port}/graphql`;
  const response = await fetch(`http://${at}`, { method: 'POST', body: JSON.stringify({ query: '{ hello }' }) });
  assert.deepEqual(await response.json(), { data: { hello: 'world' } });
  const client = createClient({ url: `ws://${at}`, webSocketImpl: WebSocket, retryAttempts: 0 });
  const counts: unknown[] = [];
  for await (const { data } of client.iterate({ query: 'subscription { count(to: 3) }' })) counts.push(data?.count);
  assert.deepEqual(counts, [1, 2, 3]);
  await client.dispose();
  assert.deepEqual(proxy.messages('error'), []);
});
