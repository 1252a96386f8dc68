/** Conditions under which a configuration is affected by a vulnerability: the places that meet it. */
import type { Span, Statement } from '../../../grammar/syntax-tree.js';
import type { Scope, Written } from '../engine/scope.js';

/** The places of a configuration that meet a condition; none if it is not met. */
export type Condition = (main: Scope) => readonly Span[];

/** Condition that one of these directives, separated by spaces, is used with another value than `off`. */
export function has(names: string): Condition {
  return (main) => writtenAs(main, names).map(({ statement }) => statement.name);
}

function writtenAs(main: Scope, names: string): Written[] {
  return names
    .split(' ')
    .flatMap((name) => main.written(name))
    .filter(({ statement }) => statement.args[0]?.text !== 'off');
}

/** Occurrences of a parameter of `listen`. */
function listenWord(main: Scope, word: string): readonly Span[] {
  return main.written('listen').flatMap(({ statement }) => statement.args.slice(1).filter(({ text }) => text === word));
}

export const quic: Condition = (main) => listenWord(main, 'quic');
export const spdy: Condition = (main) => listenWord(main, 'spdy');

export const http2: Condition = (main) => [
  ...listenWord(main, 'http2'),
  ...writtenAs(main, 'http2').map(({ statement }) => statement.name),
];

/** A reference to an unnamed capture. */
const UNNAMED = /\$(?:[1-9]|\{[1-9]\})/;

/** Words with a reference to a capture before the variable of a `map` whose expressions have captures. */
export const captureBeforeMapVariable: Condition = (main) => {
  const maps = new Map<string, ReadonlySet<string>>();
  for (const scope of main.all()) {
    if (scope.directive !== 'map') continue;
    const expressions = scope.statements.map(({ name }) => name.text).filter((text) => text.startsWith('~'));
    if (!expressions.some((text) => /\((?!\?[:=!>#])/.test(text))) continue;
    const names = expressions.flatMap((text) => [...text.matchAll(/\(\?P?[<'](\w+)/g)].map(([, name = '']) => name));
    const variable = scope.opener?.args[1]?.text.replace(/^\$/, '') ?? '';
    maps.set(variable.toLowerCase(), new Set(names.map((name) => name.toLowerCase())));
  }
  if (maps.size === 0) return [];
  return main
    .all()
    .filter(({ kind }) => kind !== 'entries')
    .flatMap(({ statements }) => statements.flatMap(({ args }) => args))
    .filter(({ text }) => {
      const seen = new Set<string>();
      for (const [, braced, plain = braced ?? ''] of text.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)) {
        const name = plain.toLowerCase();
        const captures = maps.get(name);
        if (captures !== undefined && [...seen].some((each) => /^[1-9]$/.test(each) || captures.has(each))) return true;
        seen.add(/^[1-9]/.test(name) ? name.charAt(0) : name);
      }
      return false;
    });
};

export const slicesWithUnnamedCaptures: Condition = (main) => {
  const isUsed = main
    .all()
    .some(({ statements }) => statements.some(({ args }) => args.some(({ text }) => UNNAMED.test(text))));
  if (!isUsed) return [];
  const slices = main.written('slice').filter(({ statement }) => !/^0*$/.test(statement.args[0]?.text ?? ''));
  const updates = ['proxy', 'fastcgi', 'scgi', 'uwsgi']
    .flatMap((prefix) => main.written(`${prefix}_cache_background_update`))
    .filter(({ statement }) => statement.args[0]?.text === 'on');
  return [...slices, ...updates].map(({ statement }) => statement.name);
};

const PASSES = ['proxy_pass', 'fastcgi_pass', 'scgi_pass', 'uwsgi_pass', 'grpc_pass', 'memcached_pass'];

export const ssiOfBackEnds: Condition = (main) =>
  PASSES.flatMap((name) => main.written(name))
    .filter(({ scope }) => scope.value('ssi') === 'on')
    .flatMap(({ scope }) => scope.effective('ssi').slice(0, 1))
    .filter((statement, i, all) => all.indexOf(statement) === i)
    .map(({ name }) => name);

/** Pass directives that use HTTP/2 to back ends. */
function http2Passes(main: Scope): Written[] {
  return [
    ...main.written('grpc_pass'),
    ...main.written('proxy_pass').filter(({ scope }) => scope.value('proxy_http_version') === '2'),
  ];
}

export const invalidHeadersToHttp2: Condition = (main) =>
  http2Passes(main)
    .filter(
      ({ scope }) =>
        scope.value('ignore_invalid_headers') === 'off' && scope.effective('large_client_header_buffers').length > 0,
    )
    .map(({ statement }) => statement.name);

export const setBodyToHttp2: Condition = (main) =>
  http2Passes(main)
    .filter(({ statement, scope }) => statement.name.text === 'proxy_pass' && scope.holder('proxy_set_body') !== null)
    .map(({ statement }) => statement.name);

export const decodesUtf8: Condition = (main) =>
  main
    .written('charset_map')
    .filter(({ statement }) => statement.args.some(({ text }) => /^utf-?8$/i.test(text)))
    .map(({ statement }) => statement.name);

/** Whether an expression has a capturing group inside of another one. */
function hasNestedCaptures(pattern: string): boolean {
  const open: boolean[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === '\\') i++;
    else if (char === '[') i = Math.max(i, pattern.indexOf(']', i + 2));
    else if (char === '(') {
      const captures = pattern[i + 1] !== '?' || /^\?(?:P?<\w|')/.test(pattern.slice(i + 1));
      if (captures && open.includes(true)) return true;
      open.push(captures);
    } else if (char === ')') open.pop();
  }
  return false;
}

export const overlappingCaptures: Condition = (main) =>
  main
    .written('rewrite')
    .filter(({ statement: { args } }) => {
      const [pattern, replacement, flag] = args.map(({ text }) => text);
      if (pattern === undefined || replacement === undefined || !hasNestedCaptures(pattern)) return false;
      const captures = new Set(replacement.match(/\$[1-9]/g));
      const isEscaped = flag === 'redirect' || flag === 'permanent' || /\?.|^https?:\/\//.test(replacement);
      return captures.size > 1 && isEscaped && !/\$[a-z_{]/i.test(replacement);
    })
    .map(({ statement }) => statement.name);

/** Directives of the rewrite module that evaluate captures. */
const REWRITE_DIRECTIVES: ReadonlySet<string> = new Set(['rewrite', 'set', 'if']);

export const capturesAfterRewriteWithArguments: Condition = (main) =>
  main
    .all()
    .filter(({ kind }) => kind === 'server' || kind === 'location' || kind === 'if')
    .flatMap(({ statements }) => {
      const at = statements.findIndex(({ name, args }) => name.text === 'rewrite' && /\?./.test(args[1]?.text ?? ''));
      const later = at === -1 ? [] : statements.slice(at + 1);
      const affected = later.some((each) => REWRITE_DIRECTIVES.has(each.name.text) && evaluatesCapture(each));
      return affected ? [(statements[at] as Statement).name] : [];
    });

function evaluatesCapture({ name, args, block }: Statement): boolean {
  const texts = name.text === 'rewrite' ? args.slice(1, 2) : args;
  if (texts.some(({ text }) => UNNAMED.test(text))) return true;
  return (
    name.text === 'if' &&
    block !== null &&
    block.items.some((each) => 'kind' in each && each.name.text === 'set' && evaluatesCapture(each))
  );
}

export const ocspWithResolver: Condition = (main) =>
  writtenAs(main, 'ssl_ocsp')
    .filter(({ scope }) => scope.holder('resolver') !== null)
    .map(({ statement }) => statement.name);

export const copyWithAlias: Condition = (main) =>
  main
    .written('alias')
    .filter(({ scope }) =>
      scope.effective('dav_methods').some(({ args }) => args.some(({ text }) => /^(?:COPY|MOVE)$/i.test(text))),
    )
    .map(({ statement }) => statement.name);

export const tlsToBackEnds: Condition = (main) => [
  ...['proxy_pass', 'grpc_pass', 'uwsgi_pass']
    .flatMap((name) => main.written(name))
    .filter(({ statement }) => /^(?:https|grpcs|suwsgi):\/\//.test(statement.args[0]?.text ?? ''))
    .map(({ statement }) => statement.args[0] ?? statement.name),
];

/** Servers that accept TLS connections. */
function tlsServers(main: Scope): Scope[] {
  return main
    .all()
    .filter(({ kind }) => kind === 'server')
    .filter((server) =>
      server.own('listen').some(({ args }) => args.some(({ text }) => text === 'ssl' || text === 'quic')),
    );
}

export const clientCertificatesOfOneServer: Condition = (main) => {
  const servers = tlsServers(main);
  if (servers.length < 2) return [];
  return main
    .written('ssl_verify_client')
    .filter(({ statement }) => statement.args[0]?.text !== 'off')
    .map(({ statement }) => statement.name);
};

export const sharedSessions: Condition = (main) => {
  if (tlsServers(main).length < 2) return [];
  const shared = main
    .written('ssl_session_cache')
    .filter(({ statement }) => statement.args.some(({ text }) => text.startsWith('shared:')));
  return [...shared, ...main.written('ssl_session_ticket_key')].map(({ statement }) => statement.name);
};

export const caches: Condition = (main) =>
  writtenAs(main, 'proxy_cache fastcgi_cache scgi_cache uwsgi_cache')
    .filter(({ scope }) => !/^[01]$/.test(scope.value('max_ranges') ?? ''))
    .map(({ statement }) => statement.name);

export const restrictsPaths: Condition = (main) =>
  main
    .all()
    .filter(({ kind }) => kind === 'location')
    .flatMap((location) => ['deny', 'auth_basic', 'internal'].flatMap((name) => location.own(name).slice(0, 1)))
    .map(({ name }) => name);
