import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { Catalogue } from '../../src/config/catalogue.js';
import type { Context } from '../../src/config/directive.js';
import { foreignUse, type KnownDirective, knownByName } from '../../src/config/foreign/known-directives.js';
import { modules } from '../../src/modules/index.js';
import { get, startProxy, type TestProxy } from '../kit/index.js';
import { closedConfigurations, outcomeOf } from './closed-locations.js';

const catalogue = new Catalogue(modules);

const allowing = (http: string): string => `allow_unsupported on;\nevents {}\nhttp {\n${http}\n}\n`;

const statusOf = async (proxy: TestProxy, path: string, host = 'localhost') =>
  (await get(proxy.port, path, { fields: [`Host: ${host}`] })).status;

describe('allow_unsupported', () => {
  let proxy: TestProxy;
  before(async () => {
    proxy = await startProxy(
      allowing(`
      access_log off;
      geoip_country /usr/share/GeoIP.dat;
      log_format country "$geoip_country_code $geoip_city";
      map $geoip_country_code $blocked { default 0; XX 1; }
      map $blocked $refused { default $blocked; }
      geo $refused $network { default 0; }
      limit_req_zone $blocked zone=countries:1m rate=1r/s;
      upstream ntlm { server 127.0.0.1:1; ntlm; }
      upstream plain { server 127.0.0.1:1; }
      server {
        listen 127.0.0.1:0;
        server_name mixed;
        location /speed { pagespeed on; slice 1m; return 200; }
        location /log { access_log logs/country.log country; return 200; }
        location /handler { fastcgi_pass 127.0.0.1:9000; fastcgi_param A b; location /handler/nested { return 200; } }
        location /setting { fastcgi_param A b; return 200; }
        location /access { auth_digest x; auth_digest_user_file /x; location /access/nested { return 200; }
          location /access/off { auth_digest off; return 200; }
          location /access/both { auth_digest x; auth_digest off; return 200; } }
        location /condition { if ($network) { return 403; } return 200; }
        location /field { add_header X $geoip_city; return 200; }
        location /zone { limit_req zone=countries; return 200; }
        location /ntlm { proxy_pass http://ntlm; }
        location /plain { proxy_pass http://plain; }
        location /any { proxy_pass http://$host; }
        location /if { if ($arg_a) { auth_digest x; return 200; } return 200; }
        location /post { limit_except GET { auth_digest x; } return 200; }
        location /page { auth_digest x; error_page 501 =200 /speed; return 200; }
        location /to-page { error_page 404 =200 /access; return 404; }
        location /rewritten { rewrite ^ /access last; }
        location /tried { try_files /none @named; }
        location @named { auth_digest x; return 200; }
        location = /unknown { graphite_data $by_filter a; return 200 $by_filter; }
        location = /escaped { set_md5 $hash $uri; return 200 $hash; }
      }
      server { listen 127.0.0.1:0; server_name answers; auth_digest x; return 200; }
      server { listen 127.0.0.1:0; server_name redirects; auth_digest x; if ($uri) { return 301 /y; } }
      server { listen 127.0.0.1:0; server_name condition; if ($refused) { return 403; } location / { return 200; } }
      server { listen 127.0.0.1:0; server_name fields; add_header X $geoip_city;
        location / { return 200; } location /own { add_header X y; return 200; } }
      `),
    );
  });
  after(() => proxy.close());

  test('features that affect only speed, size and logs are ignored', async () => {
    for (const path of ['/speed', '/log', '/setting']) assert.equal(await statusOf(proxy, path), 200, path);
  });

  test('a location whose response would differ answers 501 with a page that names the line', async () => {
    const { status, body, fields } = await get(proxy.port, '/handler');
    assert.equal(status, 501);
    assert.match(body, /&#34;fastcgi_pass&#34; is not supported in [^<]*:\d+</);
    assert.deepEqual(
      fields.filter(([name]) => name.toLowerCase() === 'content-type').map(([, value]) => value),
      ['text/html'],
    );
    assert.ok(proxy.messages('error').some((message) => /^\*\d+ "fastcgi_pass" is not supported in /.test(message)));
  });

  test('a handler is not inherited by nested locations, access rules are, unless turned off', async () => {
    assert.equal(await statusOf(proxy, '/handler/nested'), 200);
    assert.equal(await statusOf(proxy, '/access'), 501);
    assert.equal(await statusOf(proxy, '/access/nested'), 501);
    assert.equal(await statusOf(proxy, '/access/off'), 200);
    assert.equal(await statusOf(proxy, '/access/both'), 501);
  });

  test('what depends on a missing variable is closed, through maps, zones and upstreams', async () => {
    for (const path of ['/condition', '/field', '/zone', '/ntlm', '/any', '/escaped', '/unknown']) {
      assert.equal(await statusOf(proxy, path), 501, path);
    }
    assert.equal(await statusOf(proxy, '/plain'), 502);
  });

  test('an if and a limit_except are closed by themselves', async () => {
    assert.equal(await statusOf(proxy, '/if'), 200);
    assert.equal(await statusOf(proxy, '/if?a=1'), 501);
    assert.equal(await statusOf(proxy, '/post'), 200);
    assert.equal((await get(proxy.port, '/post', { method: 'POST' })).status, 501);
  });

  test('no error page, rewrite or named location opens a closed one', async () => {
    for (const path of ['/page', '/to-page', '/rewritten', '/tried'])
      assert.equal(await statusOf(proxy, path), 501, path);
  });

  test('a closed server does not respond itself, but redirects', async () => {
    assert.equal(await statusOf(proxy, '/', 'answers'), 501);
    assert.equal(await statusOf(proxy, '/', 'redirects'), 301);
    assert.equal(await statusOf(proxy, '/', 'condition'), 501);
  });

  test('a directive of the location overrides one that depends on a missing variable', async () => {
    assert.equal(await statusOf(proxy, '/', 'fields'), 501);
    assert.equal(await statusOf(proxy, '/own', 'fields'), 200);
  });
});

/** Directives that restrict access and belong to other modules, with a context in which they do. */
function restricting(context: Context): { readonly name: string; readonly entry: KnownDirective }[] {
  return [...knownByName()].flatMap(([name, entries]) => {
    if (catalogue.find(name, context) !== undefined) return [];
    const entry = entries.find(({ contexts, effect }) => effect === 'access' && (contexts?.includes(context) ?? true));
    return entry === undefined ? [] : [{ name, entry }];
  });
}

const written = ({ name, entry }: ReturnType<typeof restricting>[number]) =>
  entry.takesBlock ? `${name} { }` : `${name} x;`;

describe('every directive of the catalogue that restricts access', () => {
  const inLocation: readonly [Context, (directive: string) => string][] = [
    ['location', (directive) => `${directive} return 200;`],
    ['if in location', (directive) => `if ($uri) { ${directive} } return 200;`],
    ['limit_except', (directive) => `limit_except POST { ${directive} } return 200;`],
  ];
  for (const [context, content] of inLocation) {
    test(`closes the location in ${context}`, async () => {
      const all = restricting(context);
      assert.ok(all.length > 20);
      const locations = all.map((each) => `location = /${each.name} { ${content(written(each))} }`);
      const proxy = await startProxy(
        allowing(`server { listen 127.0.0.1:0; location = /open { return 200; } ${locations.join('\n')} }`),
      );
      try {
        assert.equal(await statusOf(proxy, '/open'), 200);
        for (const { name } of all) assert.equal(await statusOf(proxy, `/${name}`), 501, name);
      } finally {
        await proxy.close();
      }
    });
  }

  test('closes the locations of a server, and of all servers', async () => {
    const inServer = restricting('server');
    const server = (name: string, directive: string) =>
      `server { listen 127.0.0.1:0; server_name ${name.replaceAll('_', '-')}; ${directive} location / { return 200; } }`;
    const proxy = await startProxy(
      allowing([server('open', ''), ...inServer.map((each) => server(each.name, written(each)))].join('\n')),
    );
    try {
      assert.equal(await statusOf(proxy, '/', 'open'), 200);
      for (const { name } of inServer) {
        assert.equal(await statusOf(proxy, '/', name.replaceAll('_', '-').toLowerCase()), 501, name);
      }
      for (const each of restricting('http').filter((_, i) => i % 5 === 0)) {
        await proxy.reload(allowing(`${written(each)} ${server('open', '')}`));
        assert.equal(await statusOf(proxy, '/', 'open'), 501, each.name);
      }
    } finally {
      await proxy.close();
    }
  });
});

test('a directive that a module declares is never treated as foreign', () => {
  const foreign = modules.flatMap(({ directives }) =>
    Object.entries(directives).flatMap(([name, { contexts }]) =>
      contexts.filter((context) => catalogue.find(name, context) === undefined),
    ),
  );
  assert.deepEqual(foreign, []);
});

test('each entry of the catalogue has a name, and an off value turns it off', () => {
  for (const [name, entries] of knownByName()) {
    assert.match(name, /^[A-Za-z]\w*$/);
    for (const { contexts, off } of entries) {
      if (contexts?.length === 0) continue;
      for (const value of off) {
        const word = { source: { name: '', text: '' }, start: 0, end: 0, quote: '' } as const;
        const statement = { ...word, kind: 'statement', name: { ...word, text: name }, block: null } as const;
        const use = foreignUse({ ...statement, args: [{ ...word, text: value }] }, contexts?.[0] ?? 'location');
        assert.equal(use?.off, true, name);
      }
    }
  }
});

test('no configuration with a wrong access rule starts with the location open', async () => {
  const property = fc.asyncProperty(closedConfigurations, async (text) => {
    assert.notEqual(await outcomeOf(text), 'open', text);
  });
  await fc.assert(property, { seed: 1, numRuns: 150 });
});
