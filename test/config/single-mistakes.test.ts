/** One mistake is one error: of thirty kinds, ten of each in a realistic site, with nginx's own sentence where it has one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { positionOf } from '../../grammar/positions.js';
import { check } from '../../src/config/check.js';
import { lint } from '../../src/lints/engine/run.js';
import { lints } from '../../src/lints/index.js';
import { modules } from '../../src/modules/index.js';
import { IN_LANGUAGE, type Mistake } from './single-mistakes.js';
import { IN_VALUES } from './single-mistakes-in-values.js';

const KINDS = [...IN_LANGUAGE, ...IN_VALUES];

const DIRECTORY = fileURLToPath(new URL('../../../test/conf/mistakes/', import.meta.url));
const SITE = readFileSync(join(DIRECTORY, 'site.conf'), 'utf8');

const NGINX = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/local/nginx/sbin/nginx'].find((path) =>
  existsSync(path),
);
const scratch = mkdtempSync(join(tmpdir(), 'tsproxy-mistakes-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
cpSync(DIRECTORY, `${scratch}/`, { recursive: true });
mkdirSync(join(scratch, 'logs'));

/** All that the checker and the lints report, less what depends on this machine. */
function findings(text: string) {
  const result = check({ name: `${scratch}/site.conf`, text: latin1(text) }, modules, { prefix: `${scratch}/` });
  return lint(result, lints, { directory: `${scratch}/` }).findings.map(({ code, severity, message, at }) => ({
    code,
    severity,
    message: Buffer.from(message, 'latin1').toString('utf8'),
    line: at === null ? 0 : positionOf(at.source, at.start).line,
  }));
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function withMistake([written, instead]: Mistake): string {
  assert.equal(SITE.split(written).length, 2, `"${written}" stands once in the site`);
  return SITE.replace(written, () => instead);
}

/** The first sentence of `nginx -t`, without the place; null where it accepts the text. */
function nginxSays(text: string): string | null {
  const file = join(scratch, 'site.conf');
  writeFileSync(file, text);
  const { stderr } = spawnSync(NGINX ?? '', ['-t', '-q', '-p', scratch, '-c', file, '-e', join(scratch, 'log')], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  const [, sentence = null] = /\[emerg\] (?:\d+#\d+: )?(.*?)(?: in \/\S+:\d+)?\n/s.exec(stderr) ?? [];
  return sentence;
}

test('the site itself is right', () => {
  assert.deepEqual(findings(SITE), []);
});

test('there are ten mistakes of each of thirty kinds, all different', () => {
  assert.equal(KINDS.length, 30);
  for (const { kind, mistakes } of KINDS) assert.equal(mistakes.length, 10, kind);
  assert.equal(new Set(KINDS.flatMap(({ mistakes }) => mistakes.map(withMistake))).size, 300);
});

for (const { kind, mistakes, codes, elsewhere } of KINDS) {
  test(`${kind}: one error and nothing else`, () => {
    for (const mistake of mistakes) {
      const found = findings(withMistake(mistake));
      const shown = `${mistake.join(' -> ')}: ${JSON.stringify(found)}`;
      assert.equal(found.length, 1, shown);
      assert.ok(found[0]?.severity === 'error' && codes.includes(found[0].code), shown);
    }
  });

  const skip = NGINX === undefined ? 'nginx is not installed: there is nothing to compare with' : false;
  test(`${kind}: the sentence is nginx's`, { skip }, () => {
    for (const mistake of mistakes) {
      const text = withMistake(mistake);
      const expected = nginxSays(text);
      assert.notEqual(expected, null, `${mistake.join(' -> ')}: nginx accepts it`);
      if (elsewhere === undefined || !(elsewhere.of?.includes(mistake[1]) ?? true)) {
        assert.equal(findings(text)[0]?.message, expected, mistake.join(' -> '));
      }
    }
  });
}
