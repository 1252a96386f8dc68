import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkConfig } from '../src/index.js';
import { command, freePort, Prefix } from './cli/running.js';

/** Where Debian, Alpine and nginx's own packages put the program. */
const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/nginx/sbin/nginx'].find((path) =>
  existsSync(path),
);
const skip = NGINX === undefined ? 'nginx is not installed: there is nothing to compare with' : false;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTS = ['.', 'docs', 'docs/quick-start'].flatMap((directory) =>
  readdirSync(join(ROOT, directory))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(directory, name)),
);

const CONFIGURATIONS = readdirSync(join(ROOT, 'conf'), { recursive: true, encoding: 'utf8' });

for (const name of CONFIGURATIONS.filter((each) => each.endsWith('.conf'))) {
  test(`conf/${name} has no findings`, () => {
    const { ok, rendered } = checkConfig({ file: join(ROOT, 'conf', name) }, { prefix: join(ROOT, 'conf') });
    assert.equal(rendered, '');
    assert.ok(ok);
  });
}

test('the configurations in docs/first-steps.md are right', () => {
  const texts = [...readFileSync(join(ROOT, 'docs/first-steps.md'), 'utf8').matchAll(/```nginx\n(.*?)```/gs)].map(
    (match) => match[1],
  );
  assert.ok(texts.length > 0);
  for (const text of texts) assert.equal(checkConfig(text ?? '').rendered, '');
});

test('links between documents lead somewhere', () => {
  const broken: string[] = [];
  for (const document of DOCUMENTS) {
    for (const [, target = ''] of readFileSync(join(ROOT, document), 'utf8').matchAll(/\]\(([^)#:]+)\)/g)) {
      if (!existsSync(join(ROOT, dirname(document), target))) broken.push(`${document}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

/** The blocks of code of docs/mistakes.md: the file, what nginx says in five runs, and what `-t` says. */
function mistakes(): readonly [file: string, nginx: string, tsproxy: string] {
  const page = readFileSync(join(ROOT, 'docs/mistakes.md'), 'utf8');
  const part = page.slice(page.indexOf('<!-- mistakes:begin -->'), page.indexOf('<!-- mistakes:end -->'));
  const [file = '', nginx = '', tsproxy = ''] = [...part.matchAll(/```(?:text)?\n(.*?)```/gs)].map((match) => match[1]);
  return [file, nginx, tsproxy];
}

test('docs/mistakes.md shows the output of -t', async (t) => {
  const [file, , shown] = mistakes();
  // Another program, such as the demonstration, may use the port of the example.
  const prefix = new Prefix(t, file.replace('listen 8020;', `listen ${await freePort()};`));
  const { code, stderr } = await command([...prefix.words, '-t']);
  assert.equal(code, 1);
  assert.equal(stderr.replaceAll(join(prefix.path, 'nginx.conf'), '/etc/nginx/chat.conf'), shown);
});

test('docs/mistakes.md shows the output of nginx in five runs', { skip }, async (t) => {
  const [file, shown] = mistakes();
  const repairs = [
    ['8010\n', '8010;\n'],
    ['wieght', 'weight'],
    ['proxy_pas ', 'proxy_pass '],
    ['listen 8021;', ''],
    ['$hots', '$host'],
  ] as const;
  const prefix = new Prefix(t, '');
  const path = join(prefix.path, 'nginx.conf');
  const nginx = (text: string): string => {
    writeFileSync(path, text);
    const words = ['-t', '-q', '-c', path, '-e', join(prefix.path, 'log'), '-g', `pid ${join(prefix.path, 'pid')};`];
    return spawnSync(NGINX ?? '', words, { encoding: 'utf8' }).stderr.replace(/^nginx: \[alert\].*\n/gm, '');
  };
  let text = file;
  const printed = repairs.map(([wrong, right]) => {
    const [first = ''] = nginx(text).split('\n');
    text = text.replace(wrong, right);
    return `${first.replace(path, '/etc/nginx/chat.conf')}\n`;
  });
  assert.equal(printed.join(''), shown);
  assert.equal(nginx(text), '');
});

test('the picture of README.md shows the output of -t for the same mistakes', () => {
  const [, , shown] = mistakes();
  const picture = readFileSync(join(ROOT, 'docs/picture.svg'), 'utf8');
  const lines = [...picture.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, text = '']) =>
    text
      .replace(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&')
      .replaceAll('\u00a0', ' ')
      .trimEnd(),
  );
  assert.ok(lines.length > 15);
  for (const line of lines.slice(1)) assert.ok(shown.split('\n').includes(line), line);
  assert.equal(lines[0], '$ tsproxy -t -c /etc/nginx/chat.conf');
});

test('README.md fits on a screen or two, and states limitations before anything else', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  assert.ok(readme.split('\n').length <= 100);
  assert.ok(readme.indexOf('**Not supported') < readme.indexOf('\n## '));
});
