/** Configurations of Vite. Requests that no entry selects are not compared: Vite serves sources, the converted file the built program. */
import type { ConversionCase } from '../comparison.js';

const table = (entries: string): string => `import { defineConfig } from 'vite';

export default defineConfig({
  server: {
    proxy: {
${entries}
    },
  },
});
`;

export const VITE_CASES: readonly ConversionCase[] = [
  {
    name: 'a string is a target with its own host',
    source: table(`'/foo': 'http://127.0.0.1:%A%'`),
    requests: [{ path: '/foo' }, { path: '/foo/bar?x=1' }, { path: '/food', headers: { Host: 'dev.example' } }],
  },
  {
    name: 'an object keeps the host of the client',
    source: table(`'/api': { target: 'http://127.0.0.1:%A%' }`),
    requests: [
      { path: '/api/x', headers: { Host: 'dev.example' } },
      { path: '/api', method: 'POST', body: '{"a":1}', headers: { 'Content-Type': 'application/json' } },
      { path: '/api/x?status=404' },
    ],
  },
  {
    name: 'rewrite removes a prefix',
    source: table(
      `'/api': { target: 'http://127.0.0.1:%A%', changeOrigin: true, rewrite: (path) => path.replace(/^\\/api/, '') }`,
    ),
    requests: [{ path: '/api/users?id=3' }, { path: '/api/' }, { path: '/api' }, { path: '/api/caf%C3%A9' }],
  },
  {
    name: 'rewrite replaces a prefix',
    source: table(
      `'/v1': { target: 'http://127.0.0.1:%A%', rewrite: (path) => path.replace(/^\\/v1/, '/api/version-1') }`,
    ),
    requests: [{ path: '/v1/a' }, { path: '/v1' }],
  },
  {
    name: 'rewrite may be a function with a statement',
    source: table(`'/old': {
        target: 'http://127.0.0.1:%A%',
        rewrite(path: string) {
          return path.replace('/old', '/new');
        },
      }`),
    requests: [{ path: '/old/a?b=c' }, { path: '/old/old' }],
  },
  {
    name: 'rewrite may replace twice',
    source: table(
      `'/a': { target: 'http://127.0.0.1:%A%', rewrite: (p) => p.replace(/^\\/a/, '').replace(/\\.json$/, '.txt') }`,
    ),
    requests: [{ path: '/a/x.json' }, { path: '/a/x.css' }],
  },
  {
    name: 'rewrite may use groups',
    source: table(
      `'/user': { target: 'http://127.0.0.1:%A%', rewrite: (path) => path.replace(/^\\/user\\/(\\d+)\\/(\\w+)/, '/$2/$1') }`,
    ),
    requests: [{ path: '/user/7/posts?z=1' }, { path: '/user/x' }],
  },
  {
    name: 'a key with ^ is an expression',
    source: table(
      `'^/fallback/.*': { target: 'http://127.0.0.1:%A%', rewrite: (path) => path.replace(/^\\/fallback/, '') }`,
    ),
    requests: [{ path: '/fallback/a/b' }, { path: '/fallback/' }],
  },
  {
    name: 'an expression precedes a prefix that follows it',
    source: table(`'^/api/v\\\\d+/': 'http://127.0.0.1:%A%',
      '/api': 'http://127.0.0.1:%B%'`),
    requests: [{ path: '/api/v2/x' }, { path: '/api/vx/y' }, { path: '/api' }],
  },
  {
    name: 'a prefix precedes an expression that follows it',
    source: table(`'/api': 'http://127.0.0.1:%B%',
      '^/.*\\\\.json$': 'http://127.0.0.1:%A%'`),
    requests: [{ path: '/api/x.json' }, { path: '/data/x.json' }, { path: '/api/x' }],
  },
  {
    name: 'the first of two prefixes is chosen, not the longest',
    source: table(`'/api/admin': 'http://127.0.0.1:%A%',
      '/api': 'http://127.0.0.1:%B%',
      '/api/users': 'http://127.0.0.1:%C%'`),
    requests: [{ path: '/api/admin/x' }, { path: '/api/users' }, { path: '/api/other' }],
  },
  {
    name: 'the path of the target precedes that of the request',
    source: table(`'/api': { target: 'http://127.0.0.1:%A%/backend/', changeOrigin: true },
      '/rest': { target: 'http://127.0.0.1:%B%/v2', rewrite: (path) => path.replace(/^\\/rest/, '') }`),
    requests: [{ path: '/api/x?y=z' }, { path: '/rest/a' }, { path: '/rest' }],
  },
  {
    name: 'headers are sent to the target',
    source: table(
      `'/api': { target: 'http://127.0.0.1:%A%', headers: { 'X-Dev': 'yes', Referer: 'http://a.example/' } }`,
    ),
    requests: [{ path: '/api', headers: { 'X-Dev': 'no' } }],
  },
  {
    name: 'xfwd adds the fields of the client',
    source: table(`'/api': { target: 'http://127.0.0.1:%A%', xfwd: true }`),
    requests: [{ path: '/api' }, { path: '/api', headers: { 'X-Forwarded-For': '192.0.2.1' } }],
  },
  {
    name: 'cookies get another domain',
    source: table(
      `'/api': { target: 'http://127.0.0.1:%A%', cookieDomainRewrite: 'localhost', cookiePathRewrite: { '/app': '/' } }`,
    ),
    requests: [{ path: '/api/cookie' }],
  },
  {
    name: 'autoRewrite puts the host of the client into redirects',
    source: table(`'/api': { target: 'http://127.0.0.1:%A%', changeOrigin: true, autoRewrite: true }`),
    requests: [{ path: '/api/moved?status=302' }],
  },
  {
    name: 'ws passes WebSockets',
    source: table(`'/socket.io': { target: 'ws://127.0.0.1:%A%', ws: true }`),
    requests: [
      { path: '/socket.io/?EIO=4' },
      {
        path: '/socket.io/?EIO=4&transport=websocket',
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        },
      },
    ],
  },
  {
    name: 'a configuration may be a function of the mode, with constants',
    source: `import { defineConfig, loadEnv } from 'vite';

const backend: string = process.env.NOT_SET_ANYWHERE ?? 'http://127.0.0.1:%A%';
const shared = { target: backend, changeOrigin: true };

export default defineConfig(({ mode }) => {
  const env = loadEnv(mode, '.');
  return {
    server: {
      port: 3000,
      proxy: {
        '/api': { ...shared },
        '/auth': { ...shared, headers: { 'X-Auth': 'dev' } },
        [\`/\${'graphql'}\`]: backend,
      },
    },
    define: { __ENV__: JSON.stringify(env) },
  };
});
`,
    requests: [{ path: '/api/1' }, { path: '/auth/2' }, { path: '/graphql', method: 'POST', body: '{}' }],
  },
  {
    name: 'code is listed',
    source: table(`'/api': {
        target: 'http://127.0.0.1:%A%',
        configure: (proxy) => {
          proxy.on('error', () => {});
        },
      },
      '/x': {
        target: 'http://127.0.0.1:%B%',
        bypass() {},
        rewrite: (path) => path + '',
      }`),
    requests: [{ path: '/api/x' }, { path: '/x/y' }],
    missing: [/^8: "configure" is code/, /^14: "bypass" is code/, /^15: "rewrite" is code/],
  },
  {
    name: 'a table is read from JSON',
    file: 'proxy.json',
    source: `{ "/api": { "target": "http://127.0.0.1:%A%", "changeOrigin": true }, "^/x\\\\d": "http://127.0.0.1:%B%" }`,
    requests: [{ path: '/api' }, { path: '/x1' }],
  },
  {
    name: 'an unreachable target is an error of the gateway',
    source: table(`'/api': 'http://127.0.0.1:1'`),
    requests: [{ path: '/api' }],
  },
];
