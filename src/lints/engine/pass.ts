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

/** The passes written in this very block. */
export function passesOf(scope: Scope): Pass[] {
  return PASSES.flatMap((name) => scope.own(name)).flatMap((statement) => {
    const [word] = statement.args;
    if (word === undefined) return [];
    const rest = word.text.replace(/^[a-z]+:\/\//i, '');
    if (rest.startsWith('unix:')) return [{ scope, statement, word, authority: rest, host: '', port: '', uri: '' }];
    const cut = rest.search(/[/?]|(?<=[\w}])\$(?:request_uri|uri|document_uri)\b/);
    const authority = cut < 0 ? rest : rest.slice(0, cut);
    const [, host = '', port = ''] = /^(.*?)(?::([^:\]]*))?$/.exec(authority) ?? [];
    return [{ scope, statement, word, authority, host, port, uri: cut < 0 ? '' : rest.slice(cut) }];
  });
}

/** All passes inside a block. */
export function passesIn(scope: Scope): Pass[] {
  return [...scope.all()].flatMap(passesOf);
}

/** The block of the upstream of that name. */
export function upstreamOf(main: Scope, host: string): Scope | undefined {
  const name = host.toLowerCase();
  for (const http of main.children) {
    for (const scope of http.children) {
      if (scope.kind === 'upstream' && scope.opener?.args[0]?.text.toLowerCase() === name) return scope;
    }
  }
  return undefined;
}
