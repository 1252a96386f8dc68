/** Comparing configurations: what means the same is the same however it is written, and what does not is named. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { check } from '../../src/config/check.js';
import type { CheckedBlock, CheckedConfig } from '../../src/config/checked-config.js';
import { type Arrival, type Difference, difference } from '../../src/difference/difference.js';
import { changeLine, changeLines } from '../../src/difference/lines.js';
import { modules } from '../../src/modules/index.js';
import { checkText, corpus } from './corpus.js';
import { type Model, model, print, style } from './written-configuration.js';

function checked(text: string, files: Readonly<Record<string, string>> = {}): CheckedConfig {
  const reader = { read: (path: string) => files[path] ?? '', expand: () => [] };
  const { config, findings } = check({ name: '/c/nginx.conf', text }, modules, { prefix: '/c/', reader });
  assert.ok(config !== null, `${findings.map(({ message }) => message).join('\n')}\n${text}`);
  // As it comes to a worker.
  return structuredClone(config);
}

function compare(before: string, after: string): Difference {
  return difference(checked(before), checked(after), modules);
}

function http(text: string): string {
  return `events {}\nhttp {\n${text}\n}\n`;
}

/** The lines of a difference, without the places. */
function lines(before: string, after: string): string[] {
  return compare(http(before), http(after)).changes.map((change) =>
    changeLine({ ...change, before: null, after: null }),
  );
}

/** Where a client of `http://a.example:8080` comes in. */
const ARRIVAL: Arrival = { address: '127.0.0.1', port: 8080, path: null, host: 'a.example' };

/** The locations of a configuration, by what is behind `location`. */
function locationsOf(config: CheckedBlock): CheckedBlock[] {
  const inside = (block: CheckedBlock): CheckedBlock[] =>
    block.blocks.flatMap((inner) => [...(inner.directive === 'location' ? [inner] : []), ...inside(inner)]);
  return inside(config);
}

/** Why the location whose arguments begin with `name` does not mean the same; null where it is gone. */
function reasons(before: string, after: string, name = '/ws', arrival = ARRIVAL): readonly string[] | null {
  const old = checked(http(before));
  const block = locationsOf(old).find(({ argument }) => (argument as { readonly name: string }).name === name);
  assert.ok(block !== undefined);
  return difference(old, checked(http(after)), modules).counterpart(block, arrival)?.reasons ?? null;
}

const SERVER = 'listen 8080; server_name a.example;';

describe('two texts of one meaning', () => {
  test('have no difference, however their statements are ordered, inherited, included and laid out', () => {
    fc.assert(
      fc.property(model, style, style, (configuration, one, other) => {
        const [a, b] = [print(configuration, one), print(configuration, other)];
        const [before, after] = [checked(a.text, a.files), checked(b.text, b.files)];
        const found = difference(before, after, modules);
        assert.deepEqual(found.changes, [], `${a.text}\n=====\n${b.text}`);
        for (const server of before.blocks.flatMap(({ blocks }) => blocks)) {
          for (const block of locationsOf(server)) {
            const [[{ name } = { name: '' }] = []] = server.values.server_name as readonly (readonly {
              name: string;
            }[])[];
            const counterpart = found.counterpart(block, { ...ARRIVAL, host: name.replace('*', 'x') });
            assert.deepEqual(counterpart?.reasons, []);
            assert.deepEqual(counterpart.block.argument, block.argument);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('that differ in one place have the difference there and nowhere else', () => {
    fc.assert(
      fc.property(model, style, style, fc.nat(), fc.nat(), (configuration, one, other, s, l) => {
        const server = configuration.servers[s % configuration.servers.length];
        if (server === undefined || server.locations.length === 0) return;
        const location = server.locations[l % server.locations.length];
        if (location === undefined) return;
        const changed: Model = {
          ...configuration,
          servers: configuration.servers.map((each) =>
            each !== server
              ? each
              : {
                  ...each,
                  locations: each.locations.map((inner) =>
                    inner !== location
                      ? inner
                      : { ...inner, directives: { ...inner.directives, keepalive_requests: '77' } },
                  ),
                },
          ),
        };
        const [a, b] = [print(configuration, one), print(changed, other)];
        const found = difference(checked(a.text, a.files), checked(b.text, b.files), modules).changes;
        assert.deepEqual(
          found.map(({ kind, change, name, directives }) => ({ kind, change, name, directives })),
          [{ kind: 'location', change: 'changed', name: location.uri, directives: ['keepalive_requests'] }],
        );
      }),
      { numRuns: 40 },
    );
  });
});

describe('a difference', () => {
  test('names what was added, removed and changed, and where', () => {
    const before = http(`
      upstream app { server 127.0.0.1:9001; server 127.0.0.1:9002; }
      server { ${SERVER}
        location /old { return 404; }
        location /ws { proxy_pass http://app; proxy_read_timeout 1h; }
      }`);
    const after = http(`
      upstream app { server 127.0.0.1:9001 weight=2; server 127.0.0.1:9003; }
      server { ${SERVER} listen 8081;
        location /ws { proxy_pass http://app; proxy_read_timeout 2h; }
        location /new { return 404; }
      }`);
    assert.deepEqual(changeLines(compare(before, after).changes), [
      'added listener 0.0.0.0:8081 (/c/nginx.conf:5)',
      'changed server 127.0.0.1:9001 of upstream app: weight (/c/nginx.conf:4)',
      'removed server 127.0.0.1:9002 of upstream app (/c/nginx.conf:4)',
      'added server 127.0.0.1:9003 of upstream app (/c/nginx.conf:4)',
      'changed server a.example: listen (/c/nginx.conf:5)',
      'removed location /old of server a.example (/c/nginx.conf:6)',
      'changed location /ws of server a.example: proxy_read_timeout (/c/nginx.conf:7 -> /c/nginx.conf:6)',
      'added location /new of server a.example (/c/nginx.conf:7)',
    ]);
  });

  const cases: readonly (readonly [what: string, before: string, after: string, lines: readonly string[]])[] = [
    ['a whole server', '', `server { ${SERVER} }`, ['added listener 0.0.0.0:8080', 'added server a.example']],
    [
      'a default that is not the server of before',
      'server { listen 80; server_name a; } server { listen 80; server_name b; }',
      'server { listen 80; server_name a; } server { listen 80 default_server; server_name b; }',
      ['changed listener 0.0.0.0:80: default_server'],
    ],
    [
      'one of two servers of a name by its address',
      'server { listen 80; server_name a; return 301 /x; } server { listen 81; server_name a; }',
      'server { listen 80; server_name a; return 301 /y; } server { listen 81; server_name a; }',
      ['changed server a (0.0.0.0:80): return'],
    ],
    [
      'an inherited directive once, with the number of locations for which it counts',
      `proxy_read_timeout 1m; server { ${SERVER} location /a { } location /b { } location /c { proxy_read_timeout 5s; } }`,
      `proxy_read_timeout 2m; server { ${SERVER} location /a { } location /b { } location /c { proxy_read_timeout 5s; } }`,
      ['changed proxy_read_timeout in http, for 2 locations'],
    ],
    [
      'a map by its variable',
      `map $uri $x { default 1; } server { ${SERVER} location /a { return 200 $x; } location /b { } }`,
      `map $uri $x { default 2; } server { ${SERVER} location /a { return 200 $x; } location /b { } }`,
      ['changed map $x in http, for 1 location'],
    ],
    [
      'the steps that are not the same',
      `server { ${SERVER} rewrite ^/a /b; set $y 1; if ($y) { return 403; } }`,
      `server { ${SERVER} rewrite ^/a /c; set $y 1; if ($y) { return 403; } }`,
      ['changed server a.example: rewrite'],
    ],
    [
      'what stands in an if',
      `server { ${SERVER} location / { if ($arg_x) { add_header A b; } } }`,
      `server { ${SERVER} location / { if ($arg_x) { add_header A c; } } }`,
      ['changed location / of server a.example: if'],
    ],
    [
      'regular expressions that are tried in another order',
      `server { ${SERVER} location ~ a { } location /x { } location ~ b { } }`,
      `server { ${SERVER} location /x { } location ~ b { } location ~ a { } }`,
      ['changed server a.example: location'],
    ],
    [
      'a location by its modifier',
      `server { ${SERVER} location /x { } location = /y { } location ~* \\.png$ { return 404; } }`,
      `server { ${SERVER} location ^~ /x { } location /y { } location ~* \\.png$ { return 403; } }`,
      [
        'changed location /x of server a.example: location',
        'removed location = /y of server a.example',
        'changed location ~* \\.png$ of server a.example: return',
        'added location /y of server a.example',
      ],
    ],
    [
      'access rules, whose order counts',
      `server { ${SERVER} location /x { allow 127.0.0.1; deny all; } }`,
      `server { ${SERVER} location /x { deny all; allow 127.0.0.1; } }`,
      ['changed location /x of server a.example: allow, deny'],
    ],
    [
      'an upstream that balances in another way',
      'upstream app { server 127.0.0.1:1; }',
      'upstream app { least_conn; server 127.0.0.1:1; }',
      ['changed upstream app: least_conn'],
    ],
    [
      'zones and formats',
      'log_format f a; limit_conn_zone $uri zone=z:1m;',
      'log_format g a; limit_conn_zone $uri zone=z:2m;',
      ['changed limit_conn_zone z in http', 'removed log_format f in http', 'added log_format g in http'],
    ],
  ];
  for (const [what, before, after, expected] of cases) {
    test(`names ${what}`, () => assert.deepEqual(lines(before, after).sort(), [...expected].sort()));
  }

  test('finds none between an accepted text and itself, and opposite ones in opposite directions', () => {
    const configs = corpus()
      .filter(({ accepted }) => accepted)
      .map((text) => checkText(text, modules).config)
      .filter((config) => config !== null);
    const opposite = { added: 'removed', removed: 'added', changed: 'changed' } as const;
    for (const [i, config] of configs.entries()) {
      assert.deepEqual(difference(config, structuredClone(config), modules).changes, []);
      const other = configs[(i * 7 + 3) % configs.length] as CheckedConfig;
      const there = difference(config, other, modules).changes;
      const back = difference(other, config, modules).changes;
      // A server with different names on both sides is named as in the new configuration.
      const named = ({ kind, name }: { readonly kind: string; readonly name: string }) =>
        kind === 'server' ? 'server' : `${kind} ${name}`;
      assert.deepEqual(
        there.map((each) => `${each.change} ${named(each)}`).sort(),
        back.map((each) => `${opposite[each.change]} ${named(each)}`).sort(),
      );
    }
  });

  test('is bounded in a log', () => {
    const many = Array.from({ length: 30 }, (_, i) => `location /${i} { }`).join(' ');
    const { changes } = compare(http(`server { ${SERVER} }`), http(`server { ${SERVER} ${many} }`));
    const lines = changeLines(changes, 20);
    assert.equal(lines.length, 21);
    assert.equal(lines.at(-1), 'and 10 more');
  });

  test('does not count what changes nothing here', () => {
    assert.deepEqual(lines('sendfile on; map_hash_max_size 4096;', 'sendfile off;'), []);
  });

  test('does not count a directive of http that nobody inherits', () => {
    const own = `server { ${SERVER} send_timeout 5s; location / { } }`;
    assert.deepEqual(lines(`send_timeout 1m; ${own}`, `send_timeout 2m; ${own}`), []);
  });
});

describe('a location', () => {
  const WS = `location /ws { proxy_pass http://app; proxy_set_header Connection $up; }`;
  const MAP = "map $http_upgrade $up { default upgrade; '' close; }";
  const APP = 'upstream app { server 127.0.0.1:9001; }';
  const whole = `${MAP} ${APP} server { ${SERVER} ${WS} }`;

  test('means the same when others come and go', () => {
    const more = `map $uri $other { default 1; } upstream other { server 127.0.0.1:1; } gzip on;
      server { listen 8080; server_name b.example; }`.replace('gzip on;', '');
    const with_ = `${more} ${APP} ${MAP} server { ${SERVER} location /new { return 404; } ${WS} set $z 1; }`;
    assert.deepEqual(reasons(whole, with_), []);
    assert.deepEqual(reasons(with_, whole), []);
  });

  test('changes with its directives, its upstream and its maps, at any distance', () => {
    assert.deepEqual(reasons(whole, `proxy_read_timeout 5s; ${whole}`), ['proxy_read_timeout']);
    assert.deepEqual(reasons(whole, whole.replace('9001', '9002')), ['upstream app']);
    assert.deepEqual(reasons(whole, whole.replace('close', "''")), ['map $up']);
    const far = whole.replace("'' close", "'' $far");
    assert.deepEqual(reasons(`map $uri $far { default 1; } ${far}`, `map $uri $far { default 2; } ${far}`), [
      'map $far',
    ]);
    const logged = 'log_format f $up; access_log /dev/null f;';
    assert.deepEqual(reasons(`${logged} ${whole}`, `${logged.replace('$up', '$uri')} ${whole}`), ['log_format f']);
    const limited = (size: string) => `limit_conn_zone $uri zone=z:${size}; limit_conn z 5;`;
    assert.deepEqual(reasons(`${limited('1m')} ${whole}`, `${limited('2m')} ${whole}`), ['limit_conn_zone z']);
  });

  test('changes with a variable that its server sets', () => {
    const text = (value: string) =>
      `server { ${SERVER} set $b ${value}; location /ws { proxy_pass http://$b; } location /x { } }`;
    assert.deepEqual(reasons(text('a:1'), text('b:1')), ['set $b']);
    assert.deepEqual(reasons(text('a:1'), text('b:1'), '/x'), []);
  });

  test('changes with any upstream where only a request tells which one it is', () => {
    const text = (port: number) => `upstream one { server 127.0.0.1:${port}; } map $uri $up { default one; }
      server { ${SERVER} location /ws { proxy_pass http://$up; } }`;
    assert.deepEqual(reasons(text(1), text(2)), ['upstream one']);
  });

  test('changes with fields that are merged from outside', () => {
    const text = (value: string) =>
      `add_header A ${value}; server { ${SERVER} location /ws { add_header B c; add_header_inherit merge; } location /x { add_header B c; } }`;
    assert.deepEqual(reasons(text('a'), text('b')), ['add_header']);
    assert.deepEqual(reasons(text('a'), text('b'), '/x'), []);
  });

  test('is gone with its address, its name or itself, and is where the client would come to again', () => {
    const servers = (names: string, listen = '8080') =>
      `${MAP} ${APP} server { listen ${listen}; server_name ${names}; ${WS} }`;
    const behindAnother = (names: string) => `server { listen 8080; return 404; } ${MAP} ${APP}
      server { listen 8080; server_name ${names}; ${WS} }`;
    assert.equal(reasons(whole, whole.replace('/ws', '/other')), null);
    assert.equal(reasons(behindAnother('a.example b.example'), behindAnother('b.example')), null);
    // Where no name fits it answers still.
    assert.deepEqual(reasons(servers('a.example b.example'), servers('b.example')), []);
    assert.deepEqual(reasons(servers('a.example'), servers('"" _')), []);
    assert.deepEqual(reasons(servers('a.example'), behindAnother('*.example')), []);
    assert.deepEqual(reasons(servers('a.example b.example'), servers('a.example')), []);
    assert.equal(reasons(whole, servers('a.example', '8081')), null);
    assert.deepEqual(reasons(whole, servers('a.example', '8081; listen *:8080')), []);
    const moved = `${servers('b.example')} ${servers('a.example').replace(`${MAP} ${APP}`, '')}`;
    assert.deepEqual(reasons(servers('a.example b.example'), moved), []);
    const wild = { ...ARRIVAL, host: 'x.y.example' };
    assert.deepEqual(reasons(servers('*.example *.y.example'), servers('*.y.example'), '/ws', wild), []);
    assert.deepEqual(reasons(servers('*.example *.y.example'), servers('*.example'), '/ws', wild), []);
    assert.deepEqual(reasons(servers('*.example'), behindAnother('a.* x.y.* ~^x'), '/ws', wild), []);
    assert.equal(reasons(behindAnother('~^x a.example'), behindAnother('a.example'), '/ws', wild), null);
  });

  test('inside of another, or an if in it, is found again', () => {
    const text = (code: number) =>
      `server { ${SERVER} location /a { location /a/ws { if ($arg_x) { return ${code}; } } } }`;
    assert.deepEqual(reasons(text(403), text(403), '/a/ws'), []);
    assert.deepEqual(reasons(text(403), text(404), '/a/ws'), ['if']);
    const old = checked(http(text(403)));
    const fresh = checked(http(text(403)));
    const branch = (config: CheckedConfig) => locationsOf(config).at(-1)?.steps[0]?.block;
    const found = difference(old, fresh, modules).counterpart(branch(old) as CheckedBlock, ARRIVAL);
    assert.equal(found?.block, branch(fresh));
  });
});
