/** Where a location passes its requests to. */
import type { Statement, Word } from '../../../grammar/syntax-tree.js';
import type { Scope } from './scope.js';

const PASSES = ['proxy_pass', 'grpc_pass', 'fastcgi_pass', 'uwsgi_pass', 'scgi_pass', 'memcached_pass'];

export interface Pass {
  readonly scope: Scope;
  readonly statement: Statement;
  readonly word: Word;
  /** Host with port as written, without scheme and URI. */
  readonly authority: string;
  /** The host alone. */
  readonly host: string;
  readonly port: string;
  /** The URI part; empty where there is none. */
  readonly uri: string;
}

const passes = new WeakMap<Scope, readonly Pass[]>();

/** The passes written in this very block. */
export function passesOf(scope: Scope): readonly Pass[] {
  let found = passes.get(scope);
  if (found === undefined) {
    found = PASSES.flatMap((name) => scope.own(name).flatMap((statement) => made(scope, statement)));
    passes.set(scope, found);
  }
  return found;
}

function made(scope: Scope, statement: Statement): Pass[] {
  const [word] = statement.args;
  if (word === undefined) return [];
  const rest = word.text.replace(/^[a-z]+:\/\//i, '');
  if (rest.startsWith('unix:')) return [{ scope, statement, word, authority: rest, host: '', port: '', uri: '' }];
  const cut = rest.search(/[/?]|(?<=[\w}])\$(?:request_uri|uri|document_uri)\b/);
  const authority = cut < 0 ? rest : rest.slice(0, cut);
  const [, host = '', port = ''] = /^(.*?)(?::([^:\]]*))?$/.exec(authority) ?? [];
  return [{ scope, statement, word, authority, host, port, uri: cut < 0 ? '' : rest.slice(cut) }];
}

/** All passes inside a block. */
export function passesIn(scope: Scope): Pass[] {
  if (scope.parent !== null) return scope.all().flatMap(passesOf);
  const scopes = new Set(PASSES.flatMap((name) => scope.written(name).map((written) => written.scope)));
  return [...scopes].flatMap(passesOf);
}

const upstreams = new WeakMap<Scope, ReadonlyMap<string, Scope>>();

/** The block of the upstream of that name. */
export function upstreamOf(main: Scope, host: string): Scope | undefined {
  let byName = upstreams.get(main);
  if (byName === undefined) {
    const all = main.children.flatMap(({ children }) => children.filter(({ kind }) => kind === 'upstream'));
    // The first of a name wins, as everywhere.
    byName = new Map(all.reverse().map((scope) => [scope.opener?.args[0]?.text.toLowerCase() ?? '', scope]));
    upstreams.set(main, byName);
  }
  return byName.get(host.toLowerCase());
}
