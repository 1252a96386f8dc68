/** `-t` of directories, templates, dumps and standard input: nothing is reported that the rest of a configuration decides. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
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

/** Findings as `code file:line`, with file names below the directory. */
async function findingsOf(directory: string, words: readonly string[], stdin?: string): Promise<string[]> {
  const { stdout } = await command(['-t', '--json', ...words], stdin === undefined ? {} : { stdin });
  const findings = JSON.parse(stdout) as readonly JsonFinding[];
  return findings.map(({ code, message, at }) =>
    at === null ? `${code} ${message}` : `${code} ${at.file.replace(`${directory}/`, '')}:${at.line}`,
  );
}

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

test('a configuration with includes of files that are elsewhere may use their names', async (t) => {
  const directory = tree(t, {
    'a/nginx.conf':
      'events { }\nhttp {\n  include /etc/app/zones.conf;\n  limit_req zone=x;\n  add_header A $of_zones;\n}\n',
    'b/nginx.conf': 'events { }\nhttp {\n  include mime.types;\n  limit_req zone=x;\n  add_header A $of_nobody;\n}\n',
  });
  assert.deepEqual(await findingsOf(directory, [directory]), [
    'invalid-reference b/nginx.conf:4',
    'unknown-variable b/nginx.conf:5',
  ]);
});

test('static statements of templates are checked, placeholders and branches are not', async (t) => {
  const directory = tree(t, {
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
    'go.tmpl/nginx.tmpl': 'server {\n  {{ if .Tls }}\n  listen 443 ssl;\n  {{ end }}\n  server_nmae {{ .Name }};\n}\n',
    'erb/site.conf.erb': 'server {\n<% names.each do |n| %>\n  server_name <%= n %>;\n<% end %>\n  lisn 80;\n}\n',
    'sub.conf.template':
      'server {\n  listen ${PORT};\n  client_max_body_size ${SIZE};\n  keepalive_timeout $TIMEOUT;\n}\n',
    'manual.conf.sample': 'server {\n  server_name app.*;\n  set $proto <http or https>;\n  listen __PORT__;\n}\n',
  });
  assert.deepEqual(await findingsOf(directory, [directory]), [
    'unknown-directive erb/site.conf.erb:5',
    'unknown-directive go.tmpl/nginx.tmpl:5',
    'unknown-directive jinja.conf.j2:11',
  ]);
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

test('an include is not mistaken for a file of the same name that belongs to something else', async (t) => {
  const directory = tree(t, {
    'nginx.conf':
      'events { }\nhttp {\n  include /etc/nginx/master/a/backends.conf;\n  include /etc/nginx/master/b/backends.conf;\n}\n',
    'master/a/backends.conf': 'upstream app { server 127.0.0.1:1; }\n',
    'master/c/backends.conf': '# nothing yet\n',
  });
  assert.deepEqual(await findingsOf(directory, [directory]), []);
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

test('parts of a directory are alternatives: they do not contradict each other', async (t) => {
  const site = 'upstream app { server 127.0.0.1:1; }\nserver { listen 80; server_name a; }\n';
  const directory = tree(t, { 'a.conf': site, 'b.conf': site });
  assert.deepEqual(await findingsOf(directory, [directory]), []);
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
