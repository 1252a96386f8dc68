/** `-t` of directories, templates, dumps and standard input: nothing is reported that the rest of a configuration decides. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { command } from './running.js';

interface JsonFinding {
  readonly code: string;
  readonly message: string;
  readonly at: { readonly file: string; readonly line: number } | null;
}

/** A directory with these files; it is removed when the test ends. */
function tree(t: { after(fn: () => void): void }, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-anything-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

async function jsonFindings(words: readonly string[], stdin?: string): Promise<readonly JsonFinding[]> {
  const { stdout } = await command(['-t', '--json', ...words], stdin === undefined ? {} : { stdin });
  return JSON.parse(stdout) as readonly JsonFinding[];
}

/** Findings as `code file:line`, with file names below the directory. */
function shown(findings: readonly JsonFinding[], directory: string): string[] {
  return findings.map(({ code, message, at }) =>
    at === null ? `${code} ${message}` : `${code} ${at.file.replace(`${directory}/`, '')}:${at.line}`,
  );
}

async function findingsOf(directory: string, words: readonly string[], stdin?: string): Promise<string[]> {
  return shown(await jsonFindings(words, stdin), directory);
}

/** Files of a project below a directory. */
function project(name: string, more: Readonly<Record<string, string>>): Record<string, string> {
  const files = {
    'nginx.conf':
      'events { }\nhttp {\n  include /etc/nginx/snippets/zones.conf;\n  include /etc/nginx/conf.d/*.conf;\n  include /etc/nginx/common.conf;\n}\n',
    'conf.d/site.conf':
      'server {\n  listen 80 default_server;\n  server_name x;\n  location / { limit_req zone=x; proxy_pass http://app; }\n}\n',
    'snippets/zones.conf': 'limit_req_zone $uri zone=x:1m rate=1r/s;\n',
    'common.conf': 'upstream app { server 127.0.0.1:1; }\n',
    ...more,
  };
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`${name}/${path}`, text]));
}

/** What a directory shows, its files, and the findings. */
const DIRECTORIES: readonly (readonly [fact: string, files: Readonly<Record<string, string>>, findings: string[]])[] = [
  [
    'a configuration with includes of files that are elsewhere may use their names',
    {
      'a/nginx.conf':
        'events { }\nhttp {\n  include /etc/app/zones.conf;\n  limit_req zone=x;\n  add_header A $of_zones;\n}\n',
      'b/nginx.conf':
        'events { }\nhttp {\n  include mime.types;\n  limit_req zone=x;\n  add_header A $of_no_file;\n}\n',
    },
    ['invalid-reference b/nginx.conf:4', 'unknown-variable b/nginx.conf:5'],
  ],
  [
    'static statements of templates are checked, placeholders and branches are not',
    {
      'jinja.conf.j2': [
        'upstream {{ name }} {',
        '  server {{ host }}:{{ port }};',
        '}',
        'server {',
        '  listen {{ port }}{% if tls %} ssl{% endif %};',
        '  {% if tls %}',
        '  root /a;',
        '  {% else %}',
        '  root /b;',
        '  {% endif %}',
        '  retrun 200;',
        '}',
      ].join('\n'),
      'macros.conf.tmpl':
        '{{ define "site" }}\nlocation {{ .Path }} {\n  retrun 200;\n}\n{{ end }}\nserver { {{ template "site" . }} }\nserver { listen 80; }\n',
      'go.tmpl/nginx.tmpl':
        'server {\n  {{ if .Tls }}\n  listen 443 ssl;\n  {{ end }}\n  server_nmae {{ .Name }};\n}\n',
      'erb/site.conf.erb': 'server {\n<% names.each do |n| %>\n  server_name <%= n %>;\n<% end %>\n  lisn 80;\n}\n',
      'sub.conf.template':
        'server {\n  listen ${PORT};\n  client_max_body_size ${SIZE};\n  keepalive_timeout $TIMEOUT;\n}\n',
      'manual.conf.sample': 'server {\n  server_name app.*;\n  set $proto <http or https>;\n  listen __PORT__;\n}\n',
    },
    [
      'unknown-directive erb/site.conf.erb:5',
      'unknown-directive go.tmpl/nginx.tmpl:5',
      'unknown-directive jinja.conf.j2:11',
      'unknown-directive macros.conf.tmpl:3',
    ],
  ],
  [
    'an include is not mistaken for a file of the same name that belongs to something else',
    {
      'nginx.conf':
        'events { }\nhttp {\n  include /etc/nginx/master/a/backends.conf;\n  include /etc/nginx/master/b/backends.conf;\n}\n',
      'master/a/backends.conf': 'upstream app { server 127.0.0.1:1; }\n',
      'master/c/backends.conf': '# nothing yet\n',
    },
    [],
  ],
  [
    'each project of a directory is a configuration of its own',
    {
      ...project('one', {}),
      ...project('group/two', {}),
      ...project('three', { 'snippets/zones.conf': '# none\n', 'common.conf': 'sendfile of;\n' }),
      'without-sites/nginx.conf': 'events { }\nhttp { include /etc/nginx/conf.d/*.conf; }\n',
    },
    ['invalid-reference three/conf.d/site.conf:4', 'invalid-value three/common.conf:1'],
  ],
  [
    'parts of a directory are alternatives: they do not contradict each other',
    Object.fromEntries(
      ['a.conf', 'b.conf'].map((name) => [
        name,
        'upstream app { server 127.0.0.1:1; }\nserver { listen 80; server_name a; }\n',
      ]),
    ),
    [],
  ],
];

describe('directories that one command tests', () => {
  const roots: string[] = [];
  let found: readonly JsonFinding[] = [];
  before(async () => {
    for (const [, files] of DIRECTORIES) roots.push(tree({ after }, files));
    found = await jsonFindings(roots);
  });
  for (const [i, [fact, , expected]] of DIRECTORIES.entries()) {
    test(fact, () => {
      const root = roots[i] ?? '';
      const inside = found.filter(({ at }) => at?.file.startsWith(`${root}/`) === true);
      assert.deepEqual(shown(inside, root), expected);
    });
  }
  test('all findings are about their files', () => {
    assert.deepEqual(
      found.filter(({ at }) => at === null || !roots.some((root) => at.file.startsWith(`${root}/`))),
      [],
    );
  });
});

test('includes of a repository are found by the paths at which its files are installed', async (t) => {
  const directory = tree(t, {
    'docker/nginx/nginx.conf':
      'events { }\nhttp {\n  include /etc/nginx/mime.types;\n  include /etc/nginx/conf.d/*.conf;\n}\n',
    'docker/nginx/conf.d/app.conf.template':
      'server {\n  listen ${PORT};\n  ssl_certificate /run/secrets/cert.pem;\n  include /etc/nginx/snippets/proxy.conf;\n}\n',
    'docker/nginx/snippets/proxy.conf.sample':
      'location / {\n  proxy_pass http://127.0.0.1:1;\n  proxy_set_hedaer A b;\n}\n',
  });
  assert.deepEqual(await findingsOf(directory, [directory]), [
    'unknown-directive docker/nginx/snippets/proxy.conf.sample:3',
  ]);
  // The machine has another file of that name, or none: neither matters.
  const { stderr } = await command(['-t', directory]);
  assert.match(stderr, /: 1 configuration and 2 parts of configurations\n/);
});

test('findings about templates show the text as it is in the file', async (t) => {
  const directory = tree(t, {
    'site.conf.j2': 'server {\n  listen 80;\n  location = /{{ name }} {\n    retrun 200;\n  }\n}\n',
    'twice.conf.j2': 'server {\n  server_nmae {{ name }};\n}\n',
  });
  const { stderr } = await command(['-t', directory]);
  assert.match(stderr, /server_nmae \{\{ name \}\};/);
  assert.doesNotMatch(stderr, /xxxx/);
});

test('files of other programs are named, and not tested', async (t) => {
  const directory = tree(t, {
    'supervisord.conf': '[supervisord]\nnodaemon=true\n',
    'sphinx.conf': 'index testrt\n{\n  type = rt\n}\nsearchd\n{\n  listen = 127.0.0.1:9312\n}\n',
    'jvb.conf': 'videobridge { apis { rest { enabled = true } } }\n',
    'site.conf': 'server { listen 80; }\n',
    '.git/x.conf': 'server { lisn 80; }\n',
  });
  const { stderr, code } = await command(['-t', directory]);
  assert.match(
    stderr,
    /not tested, because no nginx configuration was recognised: jvb\.conf, sphinx\.conf, supervisord\.conf\n/,
  );
  assert.match(stderr, /: 1 part of configurations\n/);
  assert.equal(code, 0);
});

test('the block of a part follows from its directives', async (t) => {
  const directory = tree(t, {
    'servers.conf': 'server 10.0.0.1:80 weight=2;\nkeepalive 8;\n',
    'denied.conf': 'if ($ssl_client_verify = SUCCESS) {\n  add_header A b;\n  return 418;\n}\n',
    'tcp.conf': 'server {\n  listen 3306;\n  proxy_pass db:3306;\n}\n',
    'all.conf': 'include denied.conf;\n',
    'modules.conf': 'worker_processes 2;\nworker_shutdown_timeout 1m;\n',
  });
  assert.deepEqual(await findingsOf(directory, [directory]), []);
  const { stderr } = await command(['-t', join(directory, 'servers.conf'), join(directory, 'all.conf')]);
  assert.match(stderr, /servers\.conf is a part of a configuration: tested as the content of "upstream"\n/);
  assert.match(stderr, /all\.conf is a part of a configuration: tested as the content of "location"\n/);
});

test('--as names the block of a part', async (t) => {
  const directory = tree(t, { 'x.conf': 'proxy_set_header A b;\nproxy_pass http://127.0.0.1:1;\n' });
  const file = join(directory, 'x.conf');
  assert.deepEqual(await findingsOf(directory, [file]), []);
  assert.deepEqual(await findingsOf(directory, ['--as', 'server', file]), ['wrong-context x.conf:2']);
  const { code, stderr } = await command(['-t', '--as', 'nothing', file]);
  assert.notEqual(code, 0);
  assert.match(stderr, /http, server, location, upstream, events, main, stream/);
});

test('a dump of nginx -T is a configuration, and findings name its files', async (t) => {
  const dump = [
    'nginx: the configuration file /etc/nginx/nginx.conf syntax is ok',
    'nginx: configuration file /etc/nginx/nginx.conf test is successful',
    '# configuration file /etc/nginx/nginx.conf:',
    'events { }',
    'http {',
    '  include sites/*.conf;',
    '}',
    '',
    '# configuration file /etc/nginx/sites/a.conf:',
    'server {',
    '  listen 80;',
    '  ssl_certificate /nowhere/cert.pem;',
    '  include /etc/nginx/proxy.conf;',
    '}',
    '',
    '# configuration file /etc/nginx/proxy.conf:',
    'retrun 200;',
    '',
  ].join('\n');
  const directory = tree(t, { 'dump.txt': dump });
  const expected = ['unknown-directive /etc/nginx/proxy.conf:1'];
  assert.deepEqual(await findingsOf(directory, [join(directory, 'dump.txt')]), expected);
  assert.deepEqual(await findingsOf(directory, ['-'], dump), expected);
});

test('-T prints a dump that -t reads', async (t) => {
  const directory = tree(t, {
    'nginx.conf': 'events { }\nhttp { include a/*.conf; }\n',
    'a/x.conf': 'server {\n  listen 127.0.0.1:0;\n  location = /x { return 200; }\n}',
  });
  const { stdout } = await command(['-T', '-c', join(directory, 'nginx.conf')]);
  rmSync(join(directory, 'a/x.conf'));
  assert.deepEqual(await findingsOf(directory, ['-'], stdout), []);
  assert.deepEqual(await findingsOf(directory, ['-'], stdout.replace('return', 'retrun')), [
    'unknown-directive a/x.conf:3',
  ]);
});

test('standard input is a whole configuration or a part', async (t) => {
  const directory = tree(t, {});
  assert.deepEqual(await findingsOf(directory, ['-'], 'server {\n  lisn 80;\n}\n'), ['unknown-directive /dev/stdin:2']);
  assert.deepEqual(await findingsOf(directory, ['-'], 'events { }\nhttp {\n  sendfle on;\n}\n'), [
    'unknown-directive /dev/stdin:3',
  ]);
});

test('explain takes a part, a directory of sites, and a dump', async (t) => {
  const site = (name: string, port: number) =>
    `server {\n  listen 443 ssl;\n  server_name ${name};\n  ssl_certificate /nowhere/c.pem;\n  ssl_certificate_key /nowhere/c.key;\n  location / {\n    limit_req zone=elsewhere;\n    proxy_set_header A $of_elsewhere;\n    proxy_pass http://127.0.0.1:${port};\n  }\n}\n`;
  const directory = tree(t, {
    'sites/a.conf': site('a.example', 3001),
    'sites/b.conf': site('b.example', 3002),
    'sites/c.conf': 'server { lisn 80; }\n',
    'location.conf': 'proxy_pass http://127.0.0.1:3003;\n',
  });
  const explained = async (file: string, stdin = '') => {
    const { stdout, stderr } = await command(['explain', '-c', file, 'https://b.example/x'], { stdin });
    return `${/connection to (\S+)/.exec(stdout)?.[1]} ${/left out because of errors: .*(\w\.conf)/.exec(stderr)?.[1] ?? ''}`;
  };
  assert.equal(await explained(join(directory, 'sites')), '127.0.0.1:3002 c.conf');
  assert.equal(await explained(join(directory, 'sites/b.conf')), '127.0.0.1:3002 ');
  const dump = `# configuration file /etc/nginx/nginx.conf:\nevents { }\nhttp { include b; }\n\n# configuration file /etc/nginx/b:\n${site('b.example', 3004).replace(/.*elsewhere.*\n/g, '')}`;
  assert.equal(await explained('-', dump), '127.0.0.1:3004 ');
  const { stdout } = await command(['explain', '-c', join(directory, 'location.conf'), '/']);
  assert.match(stdout, /connection to 127\.0\.0\.1:3003/);
});

test('explain asks which configuration of a directory is meant', async (t) => {
  const directory = tree(t, { 'a/nginx.conf': 'events { }\nhttp { }\n', 'b/nginx.conf': 'events { }\nhttp { }\n' });
  const { code, stderr } = await command(['explain', '-c', directory, '/']);
  assert.equal(code, 1);
  assert.match(stderr, /several configurations in ".*": name one of .*a\/nginx\.conf, .*b\/nginx\.conf\n/);
});

test('diff compares parts, directories and dumps', async (t) => {
  const site = (port: number) =>
    `upstream app { server 127.0.0.1:${port}; }\nserver { listen 80; location / { proxy_pass http://app; } }\n`;
  const directory = tree(t, { 'a.conf': site(1), 'b/b.conf': site(2) });
  const { code, stdout } = await command(['diff', join(directory, 'a.conf'), join(directory, 'b')]);
  assert.equal(code, 1);
  assert.match(
    stdout,
    /^removed server 127\.0\.0\.1:1 of upstream app .*\nadded server 127\.0\.0\.1:2 of upstream app .*\n$/,
  );
  const same = await command(['diff', '-', join(directory, 'b/b.conf')], { stdin: site(2) });
  assert.deepEqual([same.code, same.stdout], [0, '']);
});

test('fmt searches directories, and leaves templates with tags alone', async (t) => {
  const directory = tree(t, {
    'sites/a.conf': 'server {listen 80;}\n',
    'b.conf.template': 'server {listen ${PORT};}\n',
    'c.conf.j2': 'server {listen {{ port }};}\n',
    'd.ini.conf': '[x]\na=b\n',
  });
  const { code, stdout } = await command(['fmt', '--check', directory]);
  assert.equal(code, 1);
  assert.deepEqual(stdout.replaceAll(`${directory}/`, '').split('\n'), ['b.conf.template', 'sites/a.conf', '']);
});

test('fmt formats a dump as it is', async () => {
  const dump =
    '# configuration file /a/nginx.conf:\nhttp {include b;}\n\n# configuration file /a/b:\nserver {listen 80;}\n';
  const { code, stdout } = await command(['fmt', '-'], { stdin: dump });
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^# configuration file \/a\/nginx\.conf:\nhttp \{\n {4}include b;\n\}\n\n# configuration file \/a\/b:\nserver \{\n/,
  );
});

test('compat reports several paths, and each directory as one', async (t) => {
  const directory = tree(t, {
    'a/x.conf': 'server { listen 80; perl_set $x y; }\n',
    'a/y.conf': 'server { listen 80; location / { memcached_pass x; } }\n',
    'b.conf': 'server { listen 80; }\n',
  });
  const { code, stdout } = await command(['compat', '--json', join(directory, 'a'), join(directory, 'b.conf')]);
  const reports = JSON.parse(stdout) as readonly {
    verdict: string;
    entries: readonly { name: string; status: string }[];
  }[];
  assert.equal(code, 1);
  assert.deepEqual(
    reports.map(({ verdict }) => verdict),
    ['refused', 'supported'],
  );
  assert.deepEqual(
    reports[0]?.entries.filter(({ status }) => status === 'missing').map(({ name }) => name),
    ['memcached_pass'],
  );
});

test('--nginx tests for a release of nginx', async (t) => {
  const directory = tree(t, {
    'site.conf': 'server {\n  listen 80;\n  http2 on;\n  location / {\n    fastcgi_pass 127.0.0.1:9000;\n  }\n}\n',
  });
  const file = join(directory, 'site.conf');
  assert.deepEqual(await findingsOf(directory, ['--nginx', '1.24.0', file]), ['nginx-lacks site.conf:3']);
  assert.deepEqual(await findingsOf(directory, ['--nginx', '1.28.3', directory]), []);
  const wrong = await command(['-t', '--nginx', '1.24', file]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /"1\.24" is not a version of nginx from 1\.0\.0 on/);
});

test('compat --nginx reports about a release of nginx', async (t) => {
  const directory = tree(t, {
    'nginx.conf':
      'events { }\nhttp {\n  resolver 127.0.0.1;\n  server {\n    listen 80 http2;\n    http2 on;\n  }\n}\n',
  });
  const { code, stdout } = await command(['compat', '--nginx', '1.20.0', directory]);
  assert.equal(code, 1);
  assert.match(stdout, /^Missing \(1\)\n {2}nginx 1\.20\.0 does not have the directive "http2"\n/);
  assert.match(stdout, /CVE-2021-23017/);
  assert.match(stdout, /: nginx 1\.20\.0 refuses this configuration\.\n$/);
  const json = await command(['compat', '--json', '--nginx', '1.31.4', directory]);
  const report = JSON.parse(json.stdout) as { accepted: boolean; findings: readonly { code: string }[] };
  assert.equal(json.code, 0);
  assert.deepEqual([report.accepted, report.findings.map((each) => each.code)], [true, ['nginx-deprecated']]);
});

test('-T of a part prints the part, which -t reads as one', async (t) => {
  const directory = tree(t, {
    'site.conf': 'server {\n  listen 127.0.0.1:0;\n  include x.conf;\n}\n',
    'x.conf': 'root /x;\n',
  });
  const { stdout } = await command(['-T', join(directory, 'site.conf')]);
  assert.deepEqual(
    stdout.match(/^# configuration file .*/gm)?.map((line) => line.replace(directory, '')),
    ['# configuration file /site.conf:', '# configuration file /x.conf:'],
  );
  assert.deepEqual(await findingsOf(directory, ['-'], stdout.replace('root', 'rot')), ['unknown-directive x.conf:1']);
});

test('links to nothing and in circles, and hostile texts, do not stop the search of a directory', async (t) => {
  const length = 300_000;
  const directory = tree(t, {
    'a/site.conf': 'server { lisn 80; }\n',
    'blank.conf': '\n'.repeat(length),
    'spaces.conf': `${' '.repeat(length)}x`,
    'open.conf': '{{'.repeat(length / 2),
    'tags.conf': '{% '.repeat(length / 3),
    'comments.conf': '#\n'.repeat(length / 2),
  });
  symlinkSync(join(directory, 'nowhere'), join(directory, 'nothing.conf'));
  symlinkSync(join(directory, 'loop.conf'), join(directory, 'loop.conf'));
  symlinkSync(directory, join(directory, 'a/above'));
  assert.deepEqual(await findingsOf(directory, [directory]), ['unknown-directive a/site.conf:1']);
  const dump = `${'\n'.repeat(length)}# configuration file /x:\nevents { }\nhttp { sendfle on; }\n`;
  assert.deepEqual(await findingsOf(directory, ['-'], dump), ['unknown-directive /x:2']);
});
