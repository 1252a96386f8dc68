/** The list of differences from nginx (docs/differences.md), and the notes on directives that `tsproxy compat` reports, agree. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { surveyOf } from '../src/cli/compat/survey.js';
import { check } from '../src/config/check.js';
import type { DirectiveSpec } from '../src/config/directive.js';
import { textReader } from '../src/config/reader.js';
import { modules } from '../src/modules/index.js';

const PAGE = fileURLToPath(new URL('../../docs/differences.md', import.meta.url));

/** Beginnings of the items that are about no directive. */
const GENERAL = ['`-t` reports', 'Regular expressions are', 'HTTP/3 and FastCGI'];

const specs = new Map<string, DirectiveSpec[]>();
for (const { directives } of modules) {
  for (const [name, spec] of Object.entries(directives)) specs.set(name, [...(specs.get(name) ?? []), spec]);
}

/** Items of the page, each as one line. */
function items(): string[] {
  const text = readFileSync(PAGE, 'utf8');
  return [...text.matchAll(/^- (.*(?:\n {2}.*)*)/gm)].map(([, item = '']) => item.replace(/\s+/g, ' '));
}

/** Directives named in an item, alone or with parameters. */
function directivesIn(item: string): string[] {
  return [...item.matchAll(/`([a-z_0-9]+)[^`]*`/g)].flatMap(([, name = '']) => (specs.has(name) ? name : []));
}

function hasNote({ differs, noEffect, noEffectParameters }: DirectiveSpec): boolean {
  return differs !== undefined || noEffect !== undefined || noEffectParameters !== undefined;
}

describe('where it differs from nginx', () => {
  test('the directives that the page names have notes', () => {
    const without = items()
      .flatMap(directivesIn)
      .filter((name) => specs.get(name)?.some(hasNote) !== true);
    assert.deepEqual(without, []);
  });
  test('the items of the page name the directives that they are about', () => {
    const all = items();
    const unnamed = all.filter((item) => directivesIn(item).length === 0);
    assert.ok(all.length > GENERAL.length);
    assert.deepEqual(
      unnamed.filter((item) => !GENERAL.some((start) => item.startsWith(start))),
      [],
    );
    for (const start of GENERAL)
      assert.ok(
        all.some((item) => item.startsWith(start)),
        start,
      );
  });
  test('the page names the directives whose difference does not depend on their parameters', () => {
    const always = [...specs].flatMap(([name, all]) =>
      all.some(({ differs, differsFor }) => differs !== undefined && differsFor === undefined) ? name : [],
    );
    const named = new Set(items().flatMap(directivesIn));
    assert.deepEqual(
      always.filter((name) => !named.has(name)),
      [],
    );
  });
  test('compat reports the notes of all directives of a configuration', () => {
    const text = `worker_shutdown_timeout 1s;
    events { }
    http {
      server_tokens off;
      log_format times "$tcpinfo_rtt $request_time";
      server { listen 127.0.0.1:8080 so_keepalive=1m:: rcvbuf=1m; location / { proxy_pass http://127.0.0.1:1; } }
    }`;
    const reader = textReader(new Map());
    const { entries } = surveyOf(check({ name: '/nginx.conf', text }, modules, { reader }), modules);
    const remarks = entries.map(({ name, status, remark }) => [name, status, remark !== null]);
    for (const [name, status] of [
      ['worker_shutdown_timeout', 'different'],
      ['server_tokens', 'supported'],
      ['listen', 'different'],
      ['$tcpinfo_rtt', 'different'],
      ['proxy_pass', 'supported'],
    ]) {
      assert.ok(
        remarks.some((each) => each[0] === name && each[1] === status && each[2]),
        `${name}: ${JSON.stringify(remarks)}`,
      );
    }
  });
});
