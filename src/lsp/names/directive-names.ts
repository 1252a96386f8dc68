/** Names that directives define and refer to, by the words in which they are written. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import type { Scope } from '../../lints/engine/scope.js';
import { ownValue } from '../own-value.js';
import { contentOf, type Mention, type NameKind, partOf } from './mention.js';

type Found = Mention | null;

function mention(
  kind: NameKind,
  text: string,
  word: Word,
  statement: Statement,
  defines: boolean,
  { server = null, from = 0 }: { readonly server?: Scope | null; readonly from?: number } = {},
): Found {
  const at = text === word.text ? contentOf(word) : partOf(word, text, from);
  const name = kind === 'upstream' ? text.toLowerCase() : text;
  return at === null || text === '' || text.includes('$') ? null : { kind, name, at, defines, server, statement };
}

/** Names in the words of a statement, except variables and upstreams. */
export function* namesIn(scope: Scope, statement: Statement): Generator<Mention> {
  for (const found of [...ownNames(statement), ...zones(statement), ...namedLocations(scope, statement)]) {
    if (found !== null) yield found;
  }
}

/** Directives whose first word is the name of a block or list that they define. */
const DEFINES: Readonly<Record<string, NameKind>> = {
  upstream: 'upstream',
  log_format: 'log format',
  match: 'health check match',
  api_keys: 'API keys',
  api_plan: 'API plan',
};

/** Directives whose first word refers to a name. */
const REFERS: Readonly<Record<string, NameKind>> = {
  limit_conn: 'zone',
  api_key: 'API keys',
  api_usage: 'API keys',
  proxy_cache: 'zone',
  fastcgi_cache: 'zone',
  uwsgi_cache: 'zone',
  scgi_cache: 'zone',
};

const LOGS: ReadonlySet<string> = new Set(['access_log', 'websocket_log']);

function* ownNames(statement: Statement): Generator<Found> {
  const { name, args } = statement;
  const [first, second] = args;
  if (first === undefined) return;
  const defined = ownValue(DEFINES, name.text);
  if (defined !== undefined) yield mention(defined, first.text, first, statement, true);
  const referred = ownValue(REFERS, name.text);
  if (referred !== undefined && first.text !== 'off') yield mention(referred, first.text, first, statement, false);
  if (LOGS.has(name.text) && second !== undefined && !second.text.includes('=')) {
    yield mention('log format', second.text, second, statement, false);
  }
  for (const word of args) {
    const [, check = ''] = /^match=(.+)$/.exec(word.text) ?? [];
    if (check !== '') yield mention('health check match', check, word, statement, false, { from: 'match='.length });
  }
  if (name.text === 'api_key') yield* plans(statement);
  yield* scripts(statement);
}

function* plans(statement: Statement): Generator<Found> {
  for (const word of statement.args) {
    const [, list] = /^plans=(.+)$/.exec(word.text) ?? [];
    let from = 'plans='.length;
    for (const plan of list?.split(',') ?? []) {
      yield mention('API plan', plan, word, statement, false, { from });
      from += plan.length + 1;
    }
  }
}

function* zones(statement: Statement): Generator<Found> {
  const { name, args } = statement;
  const [first] = args;
  if (name.text === 'zone' && first !== undefined) yield mention('zone', first.text, first, statement, true);
  for (const word of args) {
    const [, key = '', zone = '', size] = /^((?:keys_)?zone=|shared:)([^:]+)(:.*)?$/s.exec(word.text) ?? [];
    // `proxy_cache_path … keys_zone=name:size`, `limit_req_zone … zone=name:size`, `ssl_session_cache shared:name:size`.
    if (zone !== '') yield mention('zone', zone, word, statement, size !== undefined, { from: key.length });
  }
}

/** `location @name`, and `@name` in `error_page`, `try_files` and others. */
function* namedLocations(scope: Scope, statement: Statement): Generator<Found> {
  const isLocation = statement.name.text === 'location';
  for (const word of statement.args) {
    if (!/^@[^$]+$/.test(word.text) || (isLocation && statement.args.length > 1)) continue;
    const server = scope.within('server');
    yield mention('named location', word.text.slice(1), word, statement, isLocation, { server, from: 1 });
  }
}

/** `js_import name from file`, `js_import file`, and functions `name.function` of scripts in other directives. */
function* scripts(statement: Statement): Generator<Found> {
  const { name, args } = statement;
  if (!name.text.startsWith('js_')) return;
  const [first, from] = args;
  if (name.text === 'js_import' && first !== undefined) {
    const module = from?.text === 'from' ? first.text : moduleOf(first.text);
    yield mention('script module', module, first, statement, true, { from: Math.max(0, first.text.lastIndexOf('/')) });
    return;
  }
  for (const word of args) {
    const [, module = ''] = /^(\w+)\.[\w.]+$/.exec(word.text) ?? [];
    if (module !== '') yield mention('script module', module, word, statement, false);
  }
}

/** Name of a module that is imported by its file. */
function moduleOf(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1).replace(/\.\w+$/, '');
}
