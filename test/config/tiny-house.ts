/** A few directives of the test's own, so that the checker is tested without the real modules. */

import { choice, flag, integer, listOf, none, optional, template, text } from '../../src/config/argument-types.js';
import { type CheckOptions, type CheckResult, check } from '../../src/config/check.js';
import type { ArgumentType, Context, DirectiveSpec, Directives } from '../../src/config/directive.js';
import type { ModuleDeclaration } from '../../src/config/module-declaration.js';
import type { Finding } from '../../src/diagnostics/finding.js';
import { fileLineColumn } from '../../src/diagnostics/place.js';

const LEVELS: readonly Context[] = ['http', 'server', 'location'];
const described = { doc: 'A directive of a test.', example: '' };

function block(contexts: readonly Context[], context: Context, more: Partial<DirectiveSpec> = {}): DirectiveSpec {
  return { ...described, contexts, takes: none, body: { context }, ...more };
}

const directives: Directives = {
  events: block(['main'], 'events'),
  worker_connections: { ...described, contexts: ['events'], takes: integer({ min: 1 }) },
  http: block(['main'], 'http'),
  server: block(['http'], 'server', { repeat: true }),
  location: block(['server', 'location'], 'location', { repeat: true, takes: listOf(text, { max: 2 }) }),
  limit_except: block(['location'], 'limit_except', { takes: listOf(text) }),
  upstream: block(['http'], 'upstream', { repeat: true, takes: text }),
  if: {
    ...described,
    contexts: ['server', 'location'],
    takes: listOf(text),
    step: true,
    body: { context: (enclosing) => (enclosing === 'server' ? 'if in server' : 'if in location') },
  },
  set: {
    ...described,
    contexts: ['server', 'location', 'if in server', 'if in location'],
    step: true,
    takes: {
      ...listOf(text, { min: 2, max: 2 }),
      parse([name, value], c) {
        if (name === undefined || value === undefined) throw new Error('two words');
        c.defines(name.text.slice(1), name);
        return [name.text, template.parse([value], c)];
      },
    },
  },
  listen: { ...described, contexts: ['server'], takes: listOf(text), repeat: true },
  root: { ...described, contexts: [...LEVELS, 'if in location'], takes: template },
  sendfile: { ...described, contexts: LEVELS, takes: flag },
  error_log: { ...described, contexts: ['main', ...LEVELS], takes: text },
  daemon: { ...described, contexts: ['main'], takes: flag },
  add_header: { ...described, contexts: LEVELS, takes: listOf(text), repeat: true },
  allow_more: { ...described, contexts: LEVELS, takes: text, repeat: true, inherit: 'append' },
  try_files: { ...described, contexts: ['server', 'location'], takes: listOf(text), inherit: 'none' },
  proxy_pass: { ...described, contexts: ['location', 'if in location'], takes: template, inherit: 'noname' },
  satisfy: { ...described, contexts: LEVELS, takes: choice('all', 'any') },
  table: {
    ...described,
    contexts: ['http'],
    takes: optional(text),
    repeat: true,
    body: { entries: (statements) => statements.map(({ name, args }) => [name.text, ...args.map((arg) => arg.text)]) },
  },
};

export const tinyHouse: ModuleDeclaration = {
  name: 'tiny',
  directives,
  variables: { host: {}, uri: {}, 'http_*': {} },
};

/** Checks a text with the tiny house, and the further modules given. */
export function checkTiny(
  source: string,
  options: CheckOptions & { readonly modules?: readonly ModuleDeclaration[] } = {},
): CheckResult {
  return check({ name: '/etc/nginx/nginx.conf', text: source }, [tinyHouse, ...(options.modules ?? [])], options);
}

/** The findings as `LINE:COLUMN code message`, without the warning about `events`. */
export function linesOf(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ code }) => code !== 'missing-events')
    .map(({ at, code, message }) => {
      const place = at === null ? '-' : fileLineColumn(at).replace('/etc/nginx/nginx.conf:', '');
      return `${place} ${code}: ${message}`;
    });
}

/** Parses the words after `probe` by a type: its value, or the findings instead. */
export function parseBy<T>(
  type: ArgumentType<T>,
  words: string,
): { readonly value: unknown; readonly findings: string[] } {
  const probe: ModuleDeclaration = {
    name: 'probe',
    directives: { probe: { ...described, contexts: ['http'], takes: type } },
  };
  const { config, findings } = checkTiny(`http { probe ${words}; }`, { modules: [probe] });
  return {
    value: config?.blocks[0]?.values.probe,
    findings: linesOf(findings).map((line) => line.replace(/^\S+ /, '')),
  };
}
