/** `proxy_pass`: parses its argument, the target of a location's requests. */
import type { Word } from '../../../grammar/syntax-tree.js';
import type { Address } from '../../config/address.js';
import { parseAddress } from '../../config/address.js';
import { word } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ArgumentContext, ArgumentType } from '../../config/directive.js';
import type { CheckContext } from '../../config/module-declaration.js';
import type { TemplateData } from '../../config/template.js';
import { parseTemplate } from '../../config/template-parser.js';

/** A target without variables. */
export interface PassTarget {
  /** URL as written, including the URI part; with the scheme `http` or `https` instead of `ws` or `wss`. */
  readonly url: string;
  /** Whether the scheme is `https` or `wss`. */
  readonly secure: boolean;
  /** Whether the scheme is `ws` or `wss`. */
  readonly websocket: boolean;
  /** Host and port as written. */
  readonly hostPort: string;
  /** The value of `$proxy_host`: as in nginx, without the scheme's default port. */
  readonly host: string;
  readonly address: Address;
  /** URI part, or null if there is none. */
  readonly uri: string | null;
}

export type PassData = { readonly target: PassTarget } | { readonly template: TemplateData };

/** Parses a URL; returns nginx's error message if it is invalid. */
export function parseTarget(url: string): PassTarget | string {
  const [, scheme] = /^(https?|wss?):\/\//i.exec(url) ?? [];
  if (scheme === undefined) return 'invalid URL prefix';
  const websocket = scheme.length < 4;
  const secure = scheme.length === 5 || scheme.length === 3;
  const rest = url.slice(scheme.length + 3);
  const address = parseAddress(rest, { defaultPort: secure ? 443 : 80, uri: true });
  if ('mistake' in address) return `${address.mistake} in upstream "${rest}"`;
  // A query directly after the host means the path "/" (RFC 3986 6.2.3).
  const uri = address.uri === '' ? null : address.uri.startsWith('?') ? `/${address.uri}` : address.uri;
  const hostPort = address.family === 'unix' ? `unix:${address.path}` : rest.slice(0, rest.length - address.uri.length);
  return {
    // As servers write it in redirects.
    url: websocket ? `${secure ? 'https' : 'http'}${url.slice(scheme.length)}` : url,
    secure,
    websocket,
    hostPort,
    host: proxyHost(address, hostPort, secure),
    address,
    uri,
  };
}

/** As nginx's ngx_http_proxy_set_vars. */
function proxyHost(address: Address, hostPort: string, secure: boolean): string {
  if (address.family === 'unix') return 'localhost';
  return address.port === (secure ? 443 : 80) ? hostPort.replace(/:\d+$/, '') : hostPort;
}

/** Argument type of `proxy_pass URL`. */
export const passTarget: ArgumentType<PassData> = word('URL', (w: Word, c: ArgumentContext): PassData => {
  const template = parseTemplate(w, c);
  if (typeof template !== 'string') return { template };
  const target = parseTarget(template);
  if (typeof target === 'string') {
    return c.fail(w, 'invalid-value', target, {
      help: 'valid targets: http://host, https://host:port, http://upstream or http://unix:/path, with an optional URI; ws:// and wss:// for WebSockets',
    });
  }
  return { target };
});

/**
 * Checks that depend on the enclosing block: a URI part requires a location with a fixed prefix (nginx rejects it in regular
 * expressions, named locations, `if` and `limit_except`).
 */
export function checkPass(block: CheckedBlock, c: CheckContext): void {
  const pass = block.values.proxy_pass as PassData | undefined;
  const [statement] = c.statements('proxy_pass');
  if (pass === undefined || statement === undefined || !('target' in pass) || pass.target.uri === null) return;
  const opener = c.opener;
  const first = opener?.args[0]?.text ?? '';
  const fixed = opener?.name.text === 'location' && !/^(?:~\*?|@.*)$/.test(first) && !/^[~@]/.test(first);
  if (fixed) return;
  c.report(
    statement.args[0] ?? statement,
    'invalid-value',
    '"proxy_pass" cannot have URI part in location given by regular expression, or inside named location, or inside "if" statement, or inside "limit_except" block',
    { help: `there is no fixed prefix that "${pass.target.uri}" could replace; remove the URI part` },
  );
}

/** Host of a target, which may be the name of an `upstream`; undefined if it depends on the request. */
export function upstreamNameOf(pass: PassData): string | undefined {
  if ('target' in pass) {
    const { address } = pass.target;
    return address.family === 'unix' ? address.path : address.host.toLowerCase();
  }
  const [first] = pass.template;
  if (typeof first !== 'string') return undefined;
  // The name must be complete before the first variable.
  return /^(?:https?|wss?):\/\/([^/?:]+)[/?:]/i.exec(first)?.[1]?.toLowerCase();
}
