/** Defaults that nginx has changed. Source: its change log. */
import type { Span } from '../../../grammar/syntax-tree.js';
import type { Severity } from '../../diagnostics/finding.js';
import type { Scope } from '../engine/scope.js';

export interface ChangedDefault {
  readonly directive: string;
  /** First version with the new default. */
  readonly since: string;
  /** Former default, as a clause of the message. */
  readonly before: string;
  readonly severity: Severity;
  /** Blocks or directives in which the default is in effect. */
  readonly concerns: (main: Scope) => readonly Span[];
  /** Line that has the same meaning in all versions. */
  readonly write: string;
}

/** Occurrences of a directive in blocks in which another directive is not in effect. */
function without(name: string, directive: string) {
  return (main: Scope): readonly Span[] =>
    main
      .written(name)
      .filter(({ statement, scope }) => scope.holder(directive) === null && statement.args[0]?.text !== 'off')
      .map(({ statement }) => statement.name);
}

/** Parameters `ssl` of `listen` in servers in which a directive is not in effect. */
function tlsWithout(directive: string) {
  return (main: Scope): readonly Span[] =>
    main
      .written('listen')
      .filter(({ scope }) => scope.holder(directive) === null)
      .flatMap(({ statement }) => statement.args.slice(1).filter(({ text }) => text === 'ssl'));
}

/** Names of the blocks of a kind in which a directive is not in effect. */
function blocksWithout(kind: Scope['kind'], directive: string) {
  return (main: Scope): readonly Span[] =>
    main
      .all()
      .filter((scope) => scope.kind === kind && scope.holder(directive) === null)
      .flatMap(({ opener }) => (opener === null ? [] : [opener.name]));
}

export const DEFAULTS: readonly ChangedDefault[] = [
  {
    directive: 'ssl_protocols',
    since: '1.9.1',
    before: 'SSLv3 is enabled',
    severity: 'warning',
    concerns: tlsWithout('ssl_protocols'),
    write: 'ssl_protocols TLSv1.2;',
  },
  {
    directive: 'ssl_protocols',
    since: '1.27.3',
    before: 'TLSv1 and TLSv1.1 are enabled',
    severity: 'warning',
    concerns: tlsWithout('ssl_protocols'),
    write: 'ssl_protocols TLSv1.2 TLSv1.3;',
  },
  {
    directive: 'ssl_protocols',
    since: '1.23.4',
    before: 'TLSv1.3 is not enabled',
    severity: 'hint',
    concerns: tlsWithout('ssl_protocols'),
    write: 'ssl_protocols TLSv1.2 TLSv1.3;',
  },
  {
    directive: 'ssl_ecdh_curve',
    since: '1.11.0',
    before: 'the only curve is prime256v1',
    severity: 'hint',
    concerns: tlsWithout('ssl_ecdh_curve'),
    write: 'ssl_ecdh_curve prime256v1;',
  },
  {
    directive: 'proxy_http_version',
    since: '1.29.7',
    before: 'it is 1.0, so that connections to back ends are not kept alive and WebSockets are not possible',
    severity: 'hint',
    concerns: without('proxy_pass', 'proxy_http_version'),
    write: 'proxy_http_version 1.1; with proxy_set_header Connection "";',
  },
  {
    directive: 'keepalive',
    since: '1.29.7',
    before: 'an upstream keeps no connections alive',
    severity: 'hint',
    concerns: blocksWithout('upstream', 'keepalive'),
    write: 'keepalive 32;',
  },
  {
    directive: 'keepalive_requests',
    since: '1.19.10',
    before: 'a connection is closed after 100 requests',
    severity: 'hint',
    concerns: blocksWithout('server', 'keepalive_requests'),
    write: 'keepalive_requests 1000;',
  },
  {
    directive: 'sendfile_max_chunk',
    since: '1.21.4',
    before: 'it is unlimited, so that one fast client can occupy a worker',
    severity: 'hint',
    concerns: without('sendfile', 'sendfile_max_chunk'),
    write: 'sendfile_max_chunk 2m;',
  },
  {
    directive: 'proxy_next_upstream',
    since: '1.9.13',
    before: 'requests such as POST are repeated with the next server, although the first one may have executed them',
    severity: 'warning',
    concerns: without('proxy_pass', 'proxy_next_upstream'),
    write: 'proxy_next_upstream off;',
  },
  {
    directive: 'accept_mutex',
    since: '1.11.3',
    before: 'it is on',
    severity: 'hint',
    concerns: blocksWithout('events', 'accept_mutex'),
    write: 'accept_mutex off;',
  },
];
