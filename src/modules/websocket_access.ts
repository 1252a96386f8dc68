/** Rules for the handshake of WebSockets: Origin and subprotocol. An extension of tsproxy. */
import type { Word } from '../../grammar/syntax-tree.js';
import { choice, custom, flag } from '../config/argument-types.js';
import type { ArgumentContext, ConfOf, Context, Directives } from '../config/directive.js';
import { parsePattern } from '../config/pattern.js';
import { Expression } from '../config/pcre/expression.js';
import { MatchFailed } from '../config/pcre/match-failed.js';
import type { PatternData } from '../config/template.js';
import { isToken } from '../http/field-line.js';
import { asciiLowerCase } from '../net/ascii-case.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule, type Handler } from '../program/module.js';
import { searchFor } from '../program/pattern-search.js';
import { StateKey } from '../program/state-key.js';
import { NEXT } from '../program/verdict.js';
import { membersOf, namesWebSocket } from '../websocket/handshake.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const EXTENSION = 'This is an extension of tsproxy; nginx has no such directive.';

/** Permitted origins. Plain data; names in lower case. */
type OriginData =
  | { readonly kind: 'none' | 'same' }
  | { readonly kind: 'exact'; readonly origin: string }
  | { readonly kind: 'subdomains'; readonly scheme: string; readonly domain: string }
  | { readonly kind: 'pattern'; readonly pattern: PatternData };

function parseOrigin(w: Word, c: ArgumentContext): OriginData {
  const { text } = w;
  if (text === 'none' || text === 'same') return { kind: text };
  if (text.startsWith('~')) {
    const caseless = text.startsWith('~*');
    return { kind: 'pattern', pattern: parsePattern(w, c, { caseless, from: caseless ? 2 : 1 }) };
  }
  const lower = asciiLowerCase(text);
  if (lower === 'null') return { kind: 'exact', origin: lower };
  const [, scheme = '', star = '', host] = /^([a-z][a-z0-9+.-]*:\/\/)(\*\.)?([^/?#@\s*]+)$/.exec(lower) ?? [];
  if (host === undefined) {
    return c.fail(w, 'invalid-value', `invalid origin "${text}"`, {
      help: 'an origin is a scheme and a host, with a port if it is not the default one, and without a path: https://www.example.com, https://*.example.com, ~^https://[a-z]+\\.example\\.com$; or: same, none',
    });
  }
  return star === '' ? { kind: 'exact', origin: lower } : { kind: 'subdomains', scheme, domain: `.${host}` };
}

const directives = {
  websocket_origin: {
    contexts: CONTEXTS,
    takes: custom('none | same | origin ...', 1, Number.POSITIVE_INFINITY, (words, c) =>
      words.map((w) => parseOrigin(w, c)),
    ),
    doc: `Origins of the pages that may open WebSockets; requests from other origins get 403. Browsers do not apply the same-origin policy to WebSockets, but send the field \`Origin\`: without a rule, any page can open WebSockets with the cookies of its visitors. \`same\`: the host and port of the request (field \`Host\`); a scheme and a host, with a wildcard for subdomains (\`https://*.example.com\`); a regular expression after \`~\` or \`~*\`, which must match the whole origin; \`none\`: requests without \`Origin\`, such as those of programs other than browsers. Only requests for WebSockets are examined. By default all origins are permitted. ${EXTENSION}`,
    example: 'websocket_origin same https://*.example.com none;',
  },
  websocket_subprotocols: {
    contexts: CONTEXTS,
    takes: custom('none | name ...', 1, Number.POSITIVE_INFINITY, (words, c) =>
      words.map((w) => (isToken(w.text) ? w.text : c.fail(w, 'invalid-value', `invalid subprotocol "${w.text}"`))),
    ),
    doc: `Permitted subprotocols of WebSockets. A request that offers none of them gets 403, and a response that chooses another one is invalid (502). \`none\`: no subprotocol. Names are case-sensitive. By default all are permitted. ${EXTENSION}`,
    example: 'websocket_subprotocols graphql-transport-ws mqtt;',
  },
  websocket_access_log_level: {
    contexts: CONTEXTS,
    takes: choice('info', 'notice', 'warn', 'error'),
    default: 'error',
    doc: `The level at which requests are logged that \`websocket_origin\` or \`websocket_subprotocols\` rejects. ${EXTENSION}`,
    example: 'websocket_access_log_level info;',
  },
  websocket_access_dry_run: {
    contexts: CONTEXTS,
    takes: flag,
    default: 'off',
    doc: `Dry run: requests that \`websocket_origin\` or \`websocket_subprotocols\` would reject are logged and continue. ${EXTENSION}`,
    example: 'websocket_access_dry_run on;',
  },
} as const satisfies Directives;

type Conf = ConfOf<typeof directives>;

const STATUS = new StateKey<'PASSED' | 'REJECTED' | 'REJECTED_DRY_RUN'>('websocket_access status', 'request');

/** The rules of one location. */
class HandshakeRules {
  private readonly patterns: readonly Expression[];

  constructor(private readonly conf: Conf) {
    const origins = conf.websocket_origin ?? [];
    this.patterns = origins.flatMap((each) => (each.kind === 'pattern' ? [new Expression(each.pattern)] : []));
  }

  readonly request: Handler = (x) => {
    if (x.nested !== null || !namesWebSocket(x.headers)) return NEXT;
    const problem = this.originProblem(x) ?? this.offerProblem(x);
    if (problem === null) {
      x.setState(STATUS, 'PASSED');
      return NEXT;
    }
    return this.reject(x, problem) ? 403 : NEXT;
  };

  readonly response = (x: Exchange): number | undefined => {
    const { websocket_subprotocols: permitted } = this.conf;
    if (permitted === undefined || x.response.status !== 101 || !namesWebSocket(x.headers)) return undefined;
    const [chosen = 'none'] = membersOf(x.upstreamHeaders?.joined('sec-websocket-protocol') ?? '');
    // An upstream may decline all subprotocols; the client decides whether it continues (RFC 6455, 4.1).
    if (chosen === 'none' || permitted.includes(chosen)) return undefined;
    return this.reject(x, `subprotocol "${chosen}" of the upstream`) ? 502 : undefined;
  };

  /** Rejects a handshake; false in a dry run. */
  private reject(x: Exchange, problem: string): boolean {
    const { websocket_access_dry_run: dryRun, websocket_access_log_level: level } = this.conf;
    x.setState(STATUS, dryRun ? 'REJECTED_DRY_RUN' : 'REJECTED');
    logError(x, level, `rejecting WebSocket${dryRun ? ', dry run' : ''}: ${problem} is not permitted`);
    return !dryRun;
  }

  private originProblem(x: Exchange): string | null {
    const { websocket_origin: origins } = this.conf;
    if (origins === undefined) return null;
    const [origin, more] = x.headers.all('origin');
    if (origin === undefined) return origins.some(({ kind }) => kind === 'none') ? null : 'a request without "Origin"';
    const isPermitted = more === undefined && this.permits(x, origin, origins);
    return isPermitted ? null : `origin "${origin}"`;
  }

  private permits(x: Exchange, origin: string, origins: readonly OriginData[]): boolean {
    const lower = asciiLowerCase(origin);
    const host = asciiLowerCase(x.headers.get('host') ?? '');
    for (const each of origins) {
      if (each.kind === 'exact' && each.origin === lower) return true;
      if (each.kind === 'same' && host !== '' && (lower === `http://${host}` || lower === `https://${host}`))
        return true;
      if (each.kind !== 'subdomains' || !lower.startsWith(each.scheme) || !lower.endsWith(each.domain)) continue;
      const labels = lower.slice(each.scheme.length, -each.domain.length);
      if (/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(labels)) return true;
    }
    try {
      return this.patterns.some((expression) => searchFor(x, expression, origin)?.[0] === origin);
    } catch (error) {
      if (error instanceof MatchFailed) return false;
      throw error;
    }
  }

  private offerProblem(x: Exchange): string | null {
    const { websocket_subprotocols: permitted } = this.conf;
    if (permitted === undefined) return null;
    const offered = membersOf(x.headers.joined('sec-websocket-protocol') ?? '');
    if (offered.length === 0) return permitted.includes('none') ? null : 'a request without subprotocol';
    return offered.some((name) => permitted.includes(name)) ? null : `subprotocol "${offered.join(', ')}"`;
  }
}

function rulesOf(conf: Conf): HandshakeRules | null {
  const { websocket_origin: origins, websocket_subprotocols: subprotocols } = conf;
  return origins === undefined && subprotocols === undefined ? null : new HandshakeRules(conf);
}

export default defineModule({
  name: 'websocket_access',
  doc: 'Rules for the handshake of WebSockets: the pages that may open them, and their subprotocols.',
  directives,
  variables: {
    websocket_access_status: {
      get: (x) => x.state(STATUS),
      doc: 'Result of `websocket_origin` and `websocket_subprotocols`: `PASSED`, `REJECTED` or `REJECTED_DRY_RUN`.',
    },
  },
  phases: {
    // Rejects before limits count the request.
    preaccess: { order: 5, compile: (conf) => rulesOf(conf)?.request ?? null },
  },
  headerFilter: {
    order: 2,
    compile: (conf) => (conf.websocket_subprotocols === undefined ? null : (rulesOf(conf)?.response ?? null)),
  },
});
