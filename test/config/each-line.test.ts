/** One mistake is one finding wherever it is made: mistakes of several kinds in each line of a realistic site. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { check } from '../../src/config/check.js';
import { lint } from '../../src/lints/engine/run.js';
import { lints } from '../../src/lints/index.js';
import { modules } from '../../src/modules/index.js';

const DIRECTORY = fileURLToPath(new URL('../../../test/conf/mistakes/', import.meta.url));
const LINES = readFileSync(join(DIRECTORY, 'site.conf'), 'utf8').split('\n');
const scratch = mkdtempSync(join(tmpdir(), 'tsproxy-each-line-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
cpSync(DIRECTORY, scratch, { recursive: true });

function findings(text: string): string[] {
  const latin1 = Buffer.from(text, 'utf8').toString('latin1');
  const result = check({ name: `${scratch}/site.conf`, text: latin1 }, modules, { prefix: `${scratch}/` });
  return lint(result, lints, { directory: `${scratch}/` }).findings.map(
    ({ severity, message }) => `${severity}: ${message}`,
  );
}

const STATEMENT = /;$/;
const OPENING = / \{$/;
const CLOSING = /^\s*\}$/;
/** A statement whose arguments are words without quotes. */
const PLAIN = /^(\s*[a-z_]+\s+)([^;{'"]+);$/;

const indented = (line: string, text: string) => `${line}\n${/^\s*/.exec(line)?.[0]}${text}`;

const KINDS: Readonly<Record<string, readonly [of: RegExp, mistake: (line: string) => string]>> = {
  'a comma in place of the semicolon': [STATEMENT, (line) => line.replace(/;$/, ',')],
  'a colon in place of the semicolon': [STATEMENT, (line) => line.replace(/;$/, ':')],
  'a full-width semicolon': [STATEMENT, (line) => line.replace(/;$/, '；')],
  'a comment after slashes': [STATEMENT, (line) => `${line} // comment`],
  'a comment between slashes': [STATEMENT, (line) => `${line} /* comment */`],
  'a parenthesis in place of the opening brace': [OPENING, (line) => line.replace('{', '(')],
  'no opening brace': [OPENING, (line) => line.replace(' {', '')],
  'a parenthesis in place of the closing brace': [CLOSING, (line) => line.replace('}', ')')],
  'a brace in place of the semicolon': [STATEMENT, (line) => line.replace(/;$/, ' {')],
  'a quote before the argument': [PLAIN, (line) => line.replace(PLAIN, '$1"$2;')],
  'an equals sign in place of the space': [/^\s*[a-z]\w+ [^;]*;$/, (line) => line.replace(/(\w) +/, '$1=')],
  'no space after the name': [/^\s*[a-z]\w+ +[$\d/][^;]*;$/, (line) => line.replace(/(\w) +/, '$1')],
  'a word too many': [
    /^\s*(?!server_name|index|try_files|error_page|\*|resolver)[a-z]\w+ [^;]*;$/,
    (line) => line.replace(/;$/, ' x=y z;'),
  ],
  'no arguments': [/^\s*(?!default|server_name)[a-z]\w+ +[^;]*;$/, (line) => line.replace(/^(\s*\w+).*;$/, '$1;')],
  'a block without a name': [STATEMENT, (line) => indented(line, '{')],
  'an unknown block that is not closed': [STATEMENT, (line) => indented(line, 'foo {')],
  'a server that is not closed': [STATEMENT, (line) => indented(line, 'server {')],
  'an if that is not closed': [STATEMENT, (line) => indented(line, 'if ($host = x) {')],
  'the mark of a merge conflict': [STATEMENT, (line) => indented(line, '<<<<<<< HEAD')],
  'a list item of YAML': [STATEMENT, (line) => indented(line, '- key: value')],
  'a surplus brace at the beginning of a line': [STATEMENT, (line) => `${line}\n}`],
};

for (const [kind, [of, mistake]] of Object.entries(KINDS)) {
  test(`${kind}: one finding in each line, and nothing else`, () => {
    let made = 0;
    for (const [i, line] of LINES.entries()) {
      if (!of.test(line)) continue;
      made++;
      const wrong = mistake(line);
      const found = findings([...LINES.slice(0, i), wrong, ...LINES.slice(i + 1)].join('\n'));
      // Of entries that nginx accepts with further words, it is a warning.
      assert.ok(found.length === 1 && !found[0]?.startsWith('hint'), `${i + 1}: ${wrong}: ${JSON.stringify(found)}`);
    }
    assert.ok(made > 10);
  });
}
