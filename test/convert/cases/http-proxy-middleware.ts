/** Sources for http-proxy-middleware, with requests that tell their parts apart. */
import type { ConversionCase } from '../comparison.js';

const HEAD = `const express = require('express');
const { createProxyMiddleware } = require('http-proxy-middleware');
const app = express();
`;

export const MIDDLEWARE_CASES: readonly ConversionCase[] = [
  {
    name: 'a whole site reaches its target with the host of the client',
    source: `${HEAD}app.use(createProxyMiddleware({ target: 'http://127.0.0.1:%A%' }));
app.listen(3000);`,
    requests: [
      { path: '/' },
      { path: '/a/b?x=1&y=%20z', headers: { 'X-Custom': 'one', Host: 'shop.example' } },
      { path: '/post', method: 'POST', body: 'name=value', headers: { 'Content-Type': 'text/plain' } },
      { path: '/caf%C3%A9/%2Fx' },
      { path: '/x?status=404' },
    ],
  },
  {
    name: 'changeOrigin gives the target its own host',
    source: `${HEAD}app.use(createProxyMiddleware({ target: 'http://127.0.0.1:%A%', changeOrigin: true }));`,
    requests: [{ path: '/x', headers: { Host: 'shop.example' } }, { path: '/moved?status=302' }],
  },
  {
    name: 'a mounted proxy of version 3 loses the mount path',
    source: `${HEAD}app.use('/api', createProxyMiddleware({ target: 'http://127.0.0.1:%A%', changeOrigin: true }));`,
    requests: [{ path: '/api' }, { path: '/api/' }, { path: '/api/users?id=7' }, { path: '/apis' }, { path: '/' }],
  },
  {
    name: 'the path of a target precedes that of the request',
    source: `${HEAD}app.use('/api', createProxyMiddleware({ target: 'http://127.0.0.1:%A%/v1/', changeOrigin: true }));
app.use(createProxyMiddleware({ target: 'http://127.0.0.1:%B%/site', changeOrigin: true }));`,
    requests: [{ path: '/api/users?id=7' }, { path: '/api' }, { path: '/x/y?z' }, { path: '/' }],
  },
  {
    name: 'pathFilter selects prefixes',
    source: `${HEAD}app.use(createProxyMiddleware({ target: 'http://127.0.0.1:%A%', pathFilter: ['/api', '/ajax/'] }));`,
    requests: [{ path: '/api' }, { path: '/apix/1' }, { path: '/ajax/y' }, { path: '/ajax' }, { path: '/other' }],
  },
  {
    name: 'pathFilter selects globs, with exceptions',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  pathFilter: ['/api/**', '!**/bad.json'],
}));
app.use(createProxyMiddleware({ target: 'http://127.0.0.1:%B%', pathFilter: '/*.html' }));`,
    requests: [
      { path: '/api/a.json' },
      { path: '/api/bad.json' },
      { path: '/api/x/bad.json' },
      { path: '/index.html' },
      { path: '/a/index.html' },
      { path: '/x' },
    ],
  },
  {
    name: 'pathRewrite applies the first rule that matches',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  changeOrigin: true,
  pathRewrite: { '^/api/old-path': '/api/new-path', '^/remove/this': '', '^/api': '/second' },
}));`,
    requests: [
      { path: '/api/old-path/x?y=1' },
      { path: '/remove/this/path' },
      { path: '/remove/this' },
      { path: '/api/z' },
      { path: '/else' },
    ],
  },
  {
    name: 'pathRewrite uses groups and text inside of the path',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  pathRewrite: { '^/user/(\\\\d+)/(\\\\w+)': '/$2/of/$1', '/legacy/': '/modern/' },
}));`,
    requests: [{ path: '/user/42/posts/7?q=a' }, { path: '/a/legacy/b' }, { path: '/user/x/y' }],
  },
  {
    name: 'a mounted proxy rewrites the rest of the path',
    source: `${HEAD}app.use('/api', createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  changeOrigin: true,
  pathRewrite: { '^/v1': '/version/1' },
}));`,
    requests: [{ path: '/api/v1/users' }, { path: '/api/v2/users' }, { path: '/api/v1' }],
  },
  {
    name: 'a rewriting function of the usual form is a rule',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  pathFilter: '/api',
  pathRewrite: (path) => path.replace(/^\\/api/, '/base/api'),
}));`,
    requests: [{ path: '/api/base?a=b' }, { path: '/api' }],
  },
  {
    name: 'router selects targets by host and path',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  router: {
    'beta.example.com': 'http://127.0.0.1:%B%',
    'beta.example.com/special': 'http://127.0.0.1:%C%',
    '/rest': 'http://127.0.0.1:%C%',
  },
}));`,
    requests: [
      { path: '/', headers: { Host: 'www.example.com' } },
      { path: '/', headers: { Host: 'beta.example.com' } },
      { path: '/rest/1', headers: { Host: 'www.example.com' } },
      { path: '/x/rest', headers: { Host: 'www.example.com' } },
      { path: '/other', headers: { Host: 'gamma.example.com' } },
    ],
  },
  {
    name: 'several proxies are tried in their order',
    source: `${HEAD}const api = createProxyMiddleware({ pathFilter: '/api', target: 'http://127.0.0.1:%A%' });
const all = createProxyMiddleware({ target: 'http://127.0.0.1:%B%' });
app.use(api);
app.use('/api/never', createProxyMiddleware({ target: 'http://127.0.0.1:%C%' }));
app.use('/static', createProxyMiddleware({ target: 'http://127.0.0.1:%C%/files' }));
app.use(all);
app.listen(3000, () => console.log('ready'));`,
    requests: [{ path: '/api/x' }, { path: '/api/never' }, { path: '/static/a.css' }, { path: '/z' }],
  },
  {
    name: 'headers and auth are sent to the target',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  headers: { 'X-Api-Key': 'k$1 y', 'X-Custom': 'own' },
  auth: 'user:pass word',
}));`,
    requests: [{ path: '/' }, { path: '/', headers: { 'X-Custom': 'client' } }],
  },
  {
    name: 'xfwd adds the fields of the client',
    source: `${HEAD}app.use(createProxyMiddleware({ target: 'http://127.0.0.1:%A%', xfwd: true, changeOrigin: true }));`,
    requests: [
      { path: '/' },
      {
        path: '/',
        headers: { 'X-Forwarded-For': '192.0.2.7', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'a.example' },
      },
    ],
  },
  {
    name: 'cookies get another domain and path',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  cookieDomainRewrite: 'public.example',
  cookiePathRewrite: { '/app': '/' },
}));`,
    requests: [{ path: '/cookie' }, { path: '/none' }],
  },
  {
    name: 'cookies get another domain by a table',
    source: `${HEAD}app.use(createProxyMiddleware({
  target: 'http://127.0.0.1:%A%',
  cookieDomainRewrite: { 'internal.example': 'shop.example', 'other.example': 'x.example' },
}));`,
    requests: [{ path: '/cookie' }],
  },
  {
    name: 'autoRewrite puts the host of the client into redirects',
    source: `${HEAD}app.use(createProxyMiddleware({ target: 'http://127.0.0.1:%A%', changeOrigin: true, autoRewrite: true }));`,
    requests: [{ path: '/moved?status=302' }, { path: '/moved?status=301', headers: { Host: 'shop.example' } }],
  },
  {
    name: 'version 2 takes the paths first, and passes the mount path on',
    source: `const express = require('express');
const { legacyCreateProxyMiddleware: createProxyMiddleware } = require('http-proxy-middleware');
const app = express();
app.use('/api', createProxyMiddleware({ target: 'http://127.0.0.1:%A%', logLevel: 'silent', onProxyReq: (proxyReq) => proxyReq.setHeader('x-added', 'yes') }));
app.use(createProxyMiddleware(['/one/**', '/two/*.css'], { target: 'http://127.0.0.1:%B%', changeOrigin: true, logLevel: 'silent' }));`,
    requests: [
      { path: '/one/x' },
      { path: '/one' },
      { path: '/two/y.css' },
      { path: '/two/x/y.css' },
      { path: '/three' },
    ],
    missing: [/^4: "onProxyReq" is code/],
  },
  {
    name: 'a table of the development server of webpack is read from JSON',
    file: 'proxy.conf.json',
    source: `{
  "/api": { "target": "http://127.0.0.1:%A%", "secure": false, "pathRewrite": { "^/api": "" } },
  "/auth/*": { "target": "http://127.0.0.1:%B%", "changeOrigin": true, "logLevel": "silent" },
  "/plain": "http://127.0.0.1:%C%"
}`,
    requests: [
      { path: '/api/users' },
      { path: '/auth/login' },
      { path: '/auth/a/b' },
      { path: '/plain' },
      { path: '/none' },
    ],
  },
  {
    name: 'a list of options with context is read from JSON',
    file: 'proxy.json',
    source: `[
  { "context": ["/auth", "/api"], "target": "http://127.0.0.1:%A%" },
  { "context": "/files", "target": "http://127.0.0.1:%B%/base", "ws": true }
]`,
    requests: [{ path: '/auth' }, { path: '/api/x?y' }, { path: '/files/z' }, { path: '/' }],
  },
  {
    name: 'code is listed, and constants are read',
    source: `${HEAD}const API_PORT = process.env.NOT_SET_ANYWHERE || %A%;
const defaults = { changeOrigin: true, headers: { 'X-From': \`port-\${API_PORT}\` } };
app.use(createProxyMiddleware({
  ...defaults,
  target: \`http://127.0.0.1:\${API_PORT}\`,
  pathFilter: '/api',
  on: { error() {} },
  plugins: [],
}));`,
    requests: [{ path: '/api/x' }],
    missing: [/: "on" is code/, /: "plugins" is code/],
  },
];
