/** nginx's `ngx_http_referer_module`: `$invalid_referer`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, integer } from '../config/argument-types.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { enclosingBlocks } from '../config/enclosing.js';
import { parsePattern } from '../config/pattern.js';
import { Expression } from '../config/pcre/expression.js';
import { MatchFailed } from '../config/pcre/match-failed.js';
import type { PatternData } from '../config/template.js';
import { Field } from '../http/field-names.js';
import { asciiLowerCase } from '../net/ascii-case.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { searchFor } from '../program/pattern-search.js';
import { SettingsKey } from '../program/settings-key.js';
import { WildcardNames } from '../routing/wildcard-names.js';

const CONTEXTS = ['server', 'location'] as const satisfies readonly Context[];
const DIRECTIVE = 'valid_referers';
/** Length of the shortest field value that can name a host: `http://i.ru`. */
const MIN_LENGTH = 11;
const MAX_HOST = 256;

/** A valid source of links. */
type Referer =
  | { readonly kind: 'none' | 'blocked' | 'server_names' }
  | { readonly kind: 'name'; readonly name: string; readonly path: string }
  | { readonly kind: 'pattern'; readonly pattern: PatternData };

/** A name of `server_name`, as its argument type stores it. */
interface ServerNameData {
  readonly name: string;
  readonly pattern: PatternData | null;
}

function parseReferers(words: readonly Word[], c: ArgumentContext): readonly Referer[] {
  return words.map((word): Referer => {
    const { text } = word;
    if (text === '') return c.fail(word, 'invalid-value', 'invalid referer ""');
    if (text === 'none' || text === 'blocked' || text === 'server_names') return { kind: text };
    if (text.startsWith('~')) {
      if (text === '~') c.fail(word, 'invalid-regex', 'empty regex in "~"');
      return { kind: 'pattern', pattern: parsePattern(word, c, { caseless: true, from: 1 }) };
    }
    const slash = text.indexOf('/');
    const name = slash < 0 ? text : text.slice(0, slash);
    if (new WildcardNames<string>().add(name, '') === 'invalid') {
      c.fail(word, 'invalid-value', `invalid hostname or wildcard "${name}"`);
    }
    return { kind: 'name', name, path: slash < 0 ? '' : text.slice(slash) };
  });
}

/** Effective referers of a block, as plain data. */
interface RefererData {
  readonly none: boolean;
  readonly blocked: boolean;
  /** Host names with wildcards, and the required start of the path. */
  readonly hosts: readonly (readonly [name: string, path: string])[];
  /** Expressions of `server_name`, for the host. */
  readonly serverNames: readonly PatternData[];
  /** Expressions for the address without scheme. */
  readonly patterns: readonly PatternData[];
}

/** Settings of a location. */
interface RefererRules {
  readonly none: boolean;
  readonly blocked: boolean;
  readonly hosts: WildcardNames<string>;
  readonly serverNames: readonly Expression[];
  readonly patterns: readonly Expression[];
}

const REFERERS = new SettingsKey<RefererRules | null>('valid_referers', null);

/** The referers of the innermost block that has any. As in nginx, expressions are inherited separately. */
function effective(block: CheckedBlock, config: CheckedConfig): RefererData | null {
  const parent = enclosingBlocks(config).get(block);
  const outer = parent === undefined ? null : effective(parent, config);
  if (!block.own.includes(DIRECTIVE)) return outer;
  const referers = (block.values[DIRECTIVE] as readonly (readonly Referer[])[]).flat();
  const has = (kind: Referer['kind']): boolean => referers.some((each) => each.kind === kind);
  const names = has('server_names') ? serverNames(block, config) : [];
  const patterns = referers.flatMap((each) => (each.kind === 'pattern' ? [each.pattern] : []));
  const ofServer = names.flatMap(({ pattern }) => (pattern === null ? [] : [pattern]));
  return {
    none: has('none'),
    blocked: has('blocked'),
    hosts: [
      ...referers.flatMap((each) => (each.kind === 'name' ? [[each.name, each.path] as const] : [])),
      ...names.flatMap(({ name, pattern }) => (pattern === null ? [[name, ''] as const] : [])),
    ],
    serverNames: ofServer.length > 0 ? ofServer : (outer?.serverNames ?? []),
    patterns: patterns.length > 0 ? patterns : (outer?.patterns ?? []),
  };
}

function compileRules(data: RefererData): RefererRules {
  const hosts = new WildcardNames<string>();
  for (const [name, path] of data.hosts) hosts.add(name, path);
  const compiled = (patterns: readonly PatternData[]) => patterns.map((pattern) => new Expression(pattern));
  return { ...data, hosts, serverNames: compiled(data.serverNames), patterns: compiled(data.patterns) };
}

/** The names of the server around a block. */
function serverNames(block: CheckedBlock, config: CheckedConfig): readonly ServerNameData[] {
  let server: CheckedBlock | undefined = block;
  while (server !== undefined && server.context !== 'server') server = enclosingBlocks(config).get(server);
  return ((server?.values.server_name ?? []) as readonly (readonly ServerNameData[])[]).flat();
}

/** `1` if the `Referer` field is not one of the valid ones, otherwise empty. nginx: ngx_http_referer_variable. */
function invalidReferer(x: Exchange): string {
  const rules = x.location.settings.get(REFERERS);
  return rules === null || isValid(x, rules) ? '' : '1';
}

function isValid(x: Exchange, { none, blocked, hosts, serverNames: names, patterns }: RefererRules): boolean {
  if (hosts.isEmpty && names.length === 0 && patterns.length === 0) return true;
  const referer = x.headers.valueOf(Field.Referer);
  if (referer === undefined) return none;
  const scheme = referer.length < MIN_LENGTH ? null : /^https?:\/\//i.exec(referer);
  if (scheme === null) return blocked;
  const address = referer.slice(scheme[0].length);
  const end = address.search(/[/:]/);
  const host = asciiLowerCase(end < 0 ? address : address.slice(0, end));
  if (host.length > MAX_HOST) return false;
  const path = hosts.find(host);
  if (path !== undefined) {
    const slash = address.indexOf('/');
    return path === '' || (slash >= 0 && address.startsWith(path, slash));
  }
  try {
    return (
      names.some((expression) => searchFor(x, expression, host) !== null) ||
      patterns.some((expression) => searchFor(x, expression, address) !== null)
    );
  } catch (error) {
    if (error instanceof MatchFailed) return false;
    throw error;
  }
}

export default defineModule({
  name: 'referer',
  doc: 'Checks the `Referer` field of requests. The field is easily forged: this keeps other sites from embedding images, and is no access control.',
  directives: {
    valid_referers: {
      contexts: CONTEXTS,
      takes: custom('none | blocked | server_names | string ...', 1, Number.POSITIVE_INFINITY, parseReferers),
      repeat: true,
      doc: 'Values of `Referer` for which `$invalid_referer` is empty; for others it is `1`. `none`: no field; `blocked`: one without `http://` or `https://`, as firewalls write it; `server_names`: the names of the server; host names with wildcards, optionally with the start of a path; and, after `~`, regular expressions for the text after the scheme.',
      example: 'valid_referers none blocked server_names *.example.com example.*/galleries/ ~\\.google\\.;',
    },
    referer_hash_max_size: {
      contexts: CONTEXTS,
      takes: integer(),
      default: '2048',
      noEffect: 'Tables grow as needed.',
      doc: 'In nginx, the maximum size of the hash tables of referers.',
      example: 'referer_hash_max_size 4096;',
    },
    referer_hash_bucket_size: {
      contexts: CONTEXTS,
      takes: integer(),
      default: '64',
      noEffect: 'Tables grow as needed.',
      doc: 'In nginx, the bucket size of the hash tables of referers.',
      example: 'referer_hash_bucket_size 128;',
    },
  },
  variables: {
    invalid_referer: {
      get: invalidReferer,
      cached: true,
      changeable: true,
      doc: 'Empty if the `Referer` field is one of `valid_referers`, otherwise `1`.',
    },
  },
  check(block, c) {
    if (!block.own.includes(DIRECTIVE)) return;
    const referers = ((block.values[DIRECTIVE] ?? []) as readonly (readonly Referer[])[]).flat();
    const [statement] = c.statements(DIRECTIVE);
    if (statement === undefined) return;
    const names = new WildcardNames<string>();
    for (const each of referers) {
      if (each.kind !== 'name' || names.add(each.name, '') !== 'conflicting') continue;
      c.report(statement, 'duplicate-definition', `conflicting parameter "${each.name}"`);
    }
    const lenient = referers.some(({ kind }) => kind === 'none' || kind === 'blocked');
    if (lenient && names.isEmpty && !referers.some(({ kind }) => kind === 'server_names')) {
      c.report(
        statement,
        'invalid-value',
        'the "none" or "blocked" referers are specified in the "valid_referers" directive without any valid referer',
      );
    }
  },
  holds: (block, config) => ({ valid_referers: effective(block, config) }),
  settings(conf, at) {
    if (conf.valid_referers.length === 0) return;
    const data = effective(at.block, at.compiler.config);
    if (data !== null) at.program.settings.set(REFERERS, compileRules(data));
  },
});
