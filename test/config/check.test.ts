import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckedBlock } from '../../src/config/checked-config.js';
import type { ModuleDeclaration } from '../../src/config/module-declaration.js';
import { checkTiny, linesOf } from './tiny-house.js';

/** The first block inside of another, by the names of the directives that open them. */
function inside(block: CheckedBlock | null | undefined, ...names: readonly string[]): CheckedBlock {
  let found = block;
  for (const name of names) {
    found =
      found?.blocks.find(({ directive }) => directive === name) ??
      found?.steps.find(({ directive }) => directive === name)?.block;
  }
  assert.ok(found, names.join(' '));
  return found;
}

test('all mistakes of a text are found in one run, in the order of their places', () => {
  const { config, findings } = checkTiny(`
http {
  server {
    listne 80;
    sendfile maybe;
    location / { root $hots; listen 2; }
    root a b;
    satisfy any; satisfy all;
  }
  server { proxy_cache ab; }
}
root /x;
`);
  assert.equal(config, null);
  assert.deepEqual(linesOf(findings), [
    '4:5 unknown-directive: unknown directive "listne"',
    '5:14 invalid-value: invalid value "maybe" in "sendfile" directive, it must be "on" or "off"',
    '6:23 unknown-variable: unknown "hots" variable',
    '6:30 wrong-context: "listen" directive is not allowed here',
    '7:12 argument-count: invalid number of arguments in "root" directive',
    '8:18 duplicate-directive: "satisfy" directive is duplicate',
    '10:12 nginx-only-directive: "proxy_cache" is not supported',
    '12:1 wrong-context: "root" directive is not allowed here',
  ]);
});

test('a block that is missing or repeated is reported in nginx’s words', () => {
  const { findings } = checkTiny('http {\n server;\n root /x { }\n}');
  assert.deepEqual(linesOf(findings), [
    '2:2 missing-block: directive "server" has no opening "{"',
    '3:2 unwanted-block: directive "root" is not terminated by ";"',
  ]);
});

test('a missing semicolon is found where it is missing, and the next line is checked for itself', () => {
  const { findings } = checkTiny(
    'http {\n server {\n  listen 80;\n  root /x\n  location / { rot 1; }\n  sendfile on\n  satisfy all;\n }\n}',
  );
  assert.deepEqual(linesOf(findings), [
    '4:10 missing-semicolon: directive "root" is not terminated by ";"',
    '5:16 unknown-directive: unknown directive "rot"',
    '6:14 missing-semicolon: invalid number of arguments in "sendfile" directive',
  ]);
  assert.deepEqual(
    findings.flatMap(({ fix }) => fix?.edits.map(({ text }) => text) ?? []),
    [';', 'root', ';'],
  );
});

test('a statement over several lines is no error, but doubtful where a line begins with a name of a directive', () => {
  const { findings, config } = checkTiny('http { server { listen 80\n root; } }');
  assert.deepEqual(linesOf(findings), ['1:26 missing-semicolon: "root" is read as an argument of "listen"']);
  assert.notEqual(config, null);
});

test('what stands in a misspelt or misplaced block is checked all the same', () => {
  const { findings } = checkTiny('htpp {\n servr { listen 80; rot 1; }\n}\nserver { listen 2; satisfy x; }');
  assert.deepEqual(
    linesOf(findings).map((line) => line.split(':').slice(0, 3).join(':')),
    [
      '1:1 unknown-directive: unknown directive "htpp"',
      '2:2 unknown-directive: unknown directive "servr"',
      '2:21 unknown-directive: unknown directive "rot"',
      '4:1 wrong-context: "server" directive is not allowed here',
      '4:28 invalid-value: invalid value "x"',
    ],
  );
});

test('the names that may stand in a block are offered first', () => {
  const help = (text: string) => checkTiny(text).findings.find(({ code }) => code === 'unknown-directive')?.help;
  assert.equal(help('http { server { lisen 80; } }'), 'did you mean "listen"?');
  assert.equal(help('http { lisen 80; }'), 'did you mean "listen"?');
  assert.equal(help('http { quite_something_else 80; }'), undefined);
});

test('a directive out of place is told where it may stand', () => {
  const [finding] = checkTiny('http { listen 80; }').findings;
  assert.equal(finding?.help, 'this is inside "http"; "listen" is allowed in: server');
});

test('a directive that belongs to stream or mail is out of place, not unknown', () => {
  assert.deepEqual(linesOf(checkTiny('http { proxy_timeout 1s; }').findings), [
    '1:8 wrong-context: "proxy_timeout" directive is not allowed here',
  ]);
});

test('a second one names the first', () => {
  const finding = checkTiny('http { sendfile on;\n sendfile off; }').findings.find(
    ({ code }) => code === 'duplicate-directive',
  );
  assert.equal(finding?.related?.[0]?.at.start, 7);
});

test('the innermost level that sets a value wins, for lists as a whole', () => {
  const { config } = checkTiny(`
events { }
http {
  root /a; add_header a 1; add_header b 2;
  server { location / { add_header c 3; location /x { root /b; } } }
}`);
  const location = inside(config, 'http', 'server', 'location');
  assert.equal(location.values.root, '/a');
  assert.deepEqual(location.values.add_header, [['c', '3']]);
  assert.deepEqual(location.own, ['add_header', 'location']);
  const nested = inside(location, 'location');
  assert.equal(nested.values.root, '/b');
  assert.deepEqual(nested.values.add_header, [['c', '3']]);
});

test('values hold in inner blocks wherever they are written in their own', () => {
  const { config } = checkTiny('http { server { location / { } root /late; } sendfile on; }');
  assert.deepEqual(inside(config, 'http', 'server', 'location').values, { sendfile: true, root: '/late' });
});

test('appended lists grow from level to level', () => {
  const { config } = checkTiny('http { allow_more a; server { allow_more b; allow_more c; location / { } } }');
  assert.deepEqual(inside(config, 'http', 'server', 'location').values.allow_more, ['a', 'b', 'c']);
});

test('what is not inherited holds in its own block, and for proxy_pass in nameless ones too', () => {
  const { config } = checkTiny(`
http { server { location / {
  try_files a b; proxy_pass x;
  if (a) { root /i; }
  limit_except GET { }
  location /inner { }
} } }`);
  const location = inside(config, 'http', 'server', 'location');
  assert.deepEqual(Object.keys(location.values), ['try_files', 'proxy_pass']);
  assert.deepEqual(inside(location, 'if').values, { proxy_pass: 'x', root: '/i' });
  assert.deepEqual(inside(location, 'limit_except').values, { proxy_pass: 'x' });
  assert.deepEqual(inside(location, 'location').values, {});
});

test('upstream and events inherit nothing, and http only what main shares with it', () => {
  const { config } = checkTiny('error_log /e; daemon off; events { } http { root /r; upstream u { } server { } }');
  assert.deepEqual(inside(config, 'events').values, {});
  assert.deepEqual(inside(config, 'http').values, { error_log: '/e', root: '/r' });
  assert.deepEqual(inside(config, 'http', 'upstream').values, {});
  assert.deepEqual(inside(config, 'http', 'server').values, { error_log: '/e', root: '/r' });
});

test('steps keep their order, with their blocks', () => {
  const { config } = checkTiny('http { server { set $a 1; if ($a) { set $b $a; } set $c "$b"; location / { } } }');
  const server = inside(config, 'http', 'server');
  assert.deepEqual(
    server.steps.map(({ directive, value, block }) => [directive, value, block?.context]),
    [
      ['set', ['$a', '1'], undefined],
      ['if', ['($a)'], 'if in server'],
      ['set', ['$c', [{ variable: 'b' }]], undefined],
    ],
  );
  assert.deepEqual(server.steps[1]?.block?.steps, [
    {
      directive: 'set',
      value: ['$b', [{ variable: 'a' }]],
      block: null,
      at: { file: '/etc/nginx/nginx.conf', line: 1, column: 37 },
    },
  ]);
  assert.deepEqual(
    server.blocks.map(({ directive }) => directive),
    ['location'],
  );
});

test('a checked configuration is plain data', () => {
  const { config } = checkTiny(
    'events { } http { root "/$host"; server { set $a 1; location ~ "^/(a)" { add_header x y; } } }',
  );
  assert.deepEqual(structuredClone(config), config);
  assert.deepEqual(JSON.parse(JSON.stringify(config)), config);
});

test('entries with blocks are refused', () => {
  assert.deepEqual(linesOf(checkTiny('http { table { a 1; b { } } }').findings), [
    '1:23 unexpected-block: unexpected "{"',
  ]);
});

test('variables may be used before they are defined, in any case, and as one of a family', () => {
  const { findings } = checkTiny('http { server { root $A$http_x$HTTP_Y; set $a 1; } }');
  assert.deepEqual(linesOf(findings), []);
});

test('a missing events block is a warning', () => {
  const { config, findings } = checkTiny('http { }');
  assert.notEqual(config, null);
  assert.deepEqual(
    findings.map(({ severity, code, message }) => [severity, code, message]),
    [['warning', 'missing-events', 'no "events" section in configuration']],
  );
  assert.deepEqual(checkTiny('events { }').findings, []);
});

test('a text that says nothing is refused: it may be a file that is still being written', () => {
  for (const text of ['', '# soon\n', 'error_log a;']) {
    const { config, findings } = checkTiny(text);
    assert.equal(config, null);
    assert.deepEqual(
      findings.map(({ severity, code }) => [severity, code]),
      [['error', 'missing-events']],
    );
  }
});

test('directives of the command line come before the file', () => {
  const { config, findings } = checkTiny('events { } error_log a;', { globals: 'daemon off; error_log b;' });
  assert.equal(config, null);
  assert.deepEqual(linesOf(findings), ['1:12 duplicate-directive: "error_log" directive is duplicate']);
  assert.equal(checkTiny('events { }', { globals: 'daemon off;' }).config?.values.daemon, false);
});

test('mistakes of the command line are reported in nginx’s words', () => {
  const { findings } = checkTiny('events { }', { globals: 'daemon off' });
  assert.deepEqual(linesOf(findings), [
    'command line:1:11 missing-semicolon: unexpected end of parameter, expecting ";"',
  ]);
  const [block] = checkTiny('events { }', { globals: 'http { }' }).findings;
  assert.equal(block?.message, 'block directives are not supported in -g option');
});

test('blocks that nest without end are refused, not run out of stack', () => {
  const depth = 20_000;
  const text = `http { server { ${'location / { '.repeat(depth)}${'} '.repeat(depth)} } }`;
  assert.deepEqual(
    checkTiny(text).findings.map(({ code }) => code),
    ['too-deep'],
  );
});

test('a module looks at every block in which one of its directives is written', () => {
  const seen: string[] = [];
  const module: ModuleDeclaration = {
    name: 'watcher',
    directives: {
      watch: { ...WATCH, contexts: ['http', 'location'] },
    },
    check(block, c) {
      seen.push(`${block.directive} in ${c.enclosing?.directive}, ${c.statements('watch').length} written`);
      const [statement] = c.statements('watch');
      if (statement !== undefined && c.all('upstream').length === 0) {
        c.report(statement, 'invalid-reference', 'no upstream', { severity: 'warning' });
      }
    },
  };
  const { config, findings } = checkTiny(
    'http { watch a; watch b; server { location / { watch c; } location /b { } } }',
    {
      modules: [module],
    },
  );
  assert.notEqual(config, null);
  assert.deepEqual(seen, ['http in , 2 written', 'location in server, 1 written']);
  assert.deepEqual(linesOf(findings), ['1:8 invalid-reference: no upstream', '1:48 invalid-reference: no upstream']);
});

const WATCH = {
  repeat: true,
  takes: { syntax: 'word', min: 1, max: 1, parse: () => true },
  doc: 'A directive of a test.',
  example: 'watch it;',
} as const;
