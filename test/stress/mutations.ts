/** Mutations of configurations, and what must be true of every text whatever it is. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from '../../grammar/parser.js';
import { print } from '../../grammar/print.js';
import { type Item, isStatement, type Source, type Span } from '../../grammar/syntax-tree.js';
import { check } from '../../src/config/check.js';
import { textReader } from '../../src/config/reader.js';
import { findingsToJson } from '../../src/diagnostics/json.js';
import { renderFinding } from '../../src/diagnostics/render.js';
import { lint } from '../../src/lints/engine/run.js';
import { lints } from '../../src/lints/index.js';
import { modules } from '../../src/modules/index.js';
import type { Random } from './random.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Words that mean something somewhere, and bytes that do. */
const WORDS: readonly string[] = [
  ...[';', '{', '}', '"', "'", '#', '\\', '$', '${', '\n', ' ', '\0', '\r\n', '\x80', '\xff', '\xc3\xa4', '\t'],
  ...['http { ', 'server { ', 'location / { ', 'if ($host) { ', 'map $a $b { ', 'upstream u { ', 'events { }'],
  ...['include nginx.conf;', 'include *.conf;', 'return 301 https://$host$request_uri;', 'rewrite ^/(.*)$ /$1 last;'],
  ...['0', '-1', '65536', '99999999999999999999', '1d', '1k', 'on', 'off', '~', '~*', '^~', '=', '@x', '__proto__'],
  ...['constructor', '(', ')', '(?', '[', ']', '(?<n>', '*', '+', '.*.*', '\\K', '(a+)+$', '[[:alpha:]', '\\x{110000}'],
  ...['proxy_pass http://u/$1;', 'set $a $b;', 'listen [::]:80;', 'server_name ~^(?<x>.*)$ *.a;', 'unix:/x', '::1'],
];

/** Every configuration of the checkout. Bytes. */
export function ownConfigurations(): string[] {
  return ['conf', 'test/conf'].flatMap((directory) => configurationsIn(join(ROOT, directory)));
}

/** Every configuration below a directory. Bytes. */
export function configurationsIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.conf$|\.types$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
    .map((path) => readFileSync(path, 'latin1'));
}

/** A text that was a configuration once. */
export function mutated(texts: readonly string[], random: Random): string {
  let text = random.of(texts);
  for (let count = 1 + random.below(6); count > 0; count--) {
    text = mutatedOnce(text, texts, random).slice(0, 100_000);
  }
  return text;
}

function mutatedOnce(text: string, texts: readonly string[], random: Random): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + 1 + random.below(random.of([1, 10, 100, 1000])));
  const [before, piece, after] = [text.slice(0, at), text.slice(at, end), text.slice(end)];
  switch (random.below(9)) {
    case 0:
      return before + after;
    case 1:
      return before + piece + piece + after;
    case 2:
      return before + String.fromCharCode(random.below(256)) + text.slice(at + 1);
    case 3:
      return before + random.of(WORDS) + text.slice(at);
    case 4:
      return before + random.of(WORDS) + after;
    case 5: {
      const other = random.of(texts);
      const from = random.below(other.length + 1);
      return before + other.slice(from, from + random.below(300)) + text.slice(at);
    }
    case 6:
      return changedWord(text, at, random);
    case 7:
      return swappedLines(text, random);
    default:
      return before + piece.split('').reverse().join('') + after;
  }
}

/** Another word of the dictionary, or of the same text, in the place of the next one. */
function changedWord(text: string, at: number, random: Random): string {
  const pattern = /[^\s;{}"']+/y;
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found === null) return text.slice(0, at) + text.slice(at + 1);
  const words = text.slice(0, 4000).match(/[^\s;{}"']+/g) ?? [];
  const word = random.below(2) === 0 ? random.of(WORDS) : random.of([...words, '']);
  return text.slice(0, at) + word + text.slice(at + found[0].length);
}

function swappedLines(text: string, random: Random): string {
  const lines = text.split('\n');
  const [a, b] = [random.below(lines.length), random.below(lines.length)];
  [lines[a], lines[b]] = [lines[b] ?? '', lines[a] ?? ''];
  return lines.join('\n');
}

/** Reads, checks, lints, shows and prints a text as all commands do. Throws where that throws, or gives what cannot be. */
export function judge(text: string): void {
  const source: Source = { name: '/etc/nginx/nginx.conf', text };
  const tree = parse(source);
  assertInside(tree.items, 0, text.length);
  const reader = textReader(
    new Map([
      ['/etc/nginx/nginx.conf', text],
      ['/etc/nginx/other.conf', 'gzip_typs a;'],
    ]),
  );
  const checked = check(source, modules, { prefix: '/etc/nginx/', reader });
  const { findings, config } = lint(checked, lints, { directory: '/etc/nginx/' });
  assert.equal(
    config === null,
    checked.findings.some(({ severity }) => severity === 'error'),
  );
  if (config !== null) assert.deepEqual(structuredClone(config), config);
  for (const finding of findings.slice(0, 20)) {
    assert.ok(renderFinding(finding).length < 20_000);
    const spans = [finding.at, ...(finding.fix?.edits ?? []).map((edit) => edit.at)];
    for (const at of [...spans, ...(finding.related ?? []).map((related) => related.at)]) {
      if (at !== null) assert.ok(0 <= at.start && at.start <= at.end && at.end <= at.source.text.length);
    }
  }
  JSON.stringify(findingsToJson(findings.slice(0, 50)));
  if (tree.mistakes.length === 0) {
    const printed = print(tree.items);
    assert.equal(print(parse({ name: 'printed', text: printed }).items), printed);
  }
}

/** Every statement lies within what is around it. */
function assertInside(items: readonly Item[], start: number, end: number): void {
  const open: { readonly items: readonly Item[]; readonly around: Pick<Span, 'start' | 'end'> }[] = [
    { items, around: { start, end } },
  ];
  for (let level = open.pop(); level !== undefined; level = open.pop()) {
    for (const item of level.items.filter(isStatement)) {
      assert.ok(level.around.start <= item.start && item.start <= item.end && item.end <= level.around.end);
      if (item.block !== null) open.push({ items: item.block.items, around: item });
    }
  }
}
