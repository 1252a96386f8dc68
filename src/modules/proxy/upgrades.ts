/** `proxy_websocket` and `upgrade_protocols`: which requests of a location ask the upstream for an upgrade, and for which protocols. */
import type { Word } from '../../../grammar/syntax-tree.js';
import { custom, TIME_HELP } from '../../config/argument-types.js';
import type { CheckedBlock } from '../../config/checked-config.js';
import type { ConfOf, Context } from '../../config/directive.js';
import type { CheckContext } from '../../config/module-declaration.js';
import { parseSwitch } from '../../config/switch-argument.js';
import { parsePositiveMilliseconds } from '../../config/units.js';
import type { UpgradeRequest } from '../../exchange/engine-exchange.js';
import type { HttpExchange } from '../../exchange/exchange.js';
import { isToken } from '../../http/field-line.js';
import type { HeaderBlock } from '../../http/header-block.js';
import { logError } from '../../program/error-context.js';
import {
  checkRequest,
  checkResponse,
  hasMember,
  membersOf,
  namesWebSocket,
  requestedProtocols,
  WEBSOCKET_VERSION,
} from '../../websocket/handshake.js';
import type { PassData } from './pass.js';

/** Protocols in lower case. `any` stands for all except h2c. */
export type ProtocolList = readonly string[];

const WEBSOCKET: ProtocolList = ['websocket'];

const CONTEXTS: readonly Context[] = ['http', 'server', 'location'];

const protocolList = custom<ProtocolList>('any | protocol ...', 1, 20, (words: readonly Word[], c) => {
  const protocols: string[] = [];
  for (const w of words) {
    const lower = w.text.toLowerCase();
    const [name = '', version = '1'] = lower.split('/', 2);
    if (!isToken(name) || !isToken(version)) {
      c.fail(w, 'invalid-value', `invalid protocol "${w.text}"`, {
        help: 'write the names of protocols as in the field "Upgrade": websocket, h2c, TLS/1.2; or any',
      });
    }
    if (protocols.includes(lower)) {
      c.report(w, 'duplicate-value', `duplicate protocol "${w.text}"`, { severity: 'warning' });
    } else protocols.push(lower);
  }
  return protocols;
});

/** Value of `proxy_websocket`. */
export interface WebSocketData {
  readonly on: boolean;
  /** ms; null: not given. */
  readonly readTimeout: number | null;
  /** Whether handshakes use the connections of `proxy_http_version 2`. */
  readonly http2: boolean;
}

const PARAMETERS = {
  read_timeout: { value: 'TIME', parse: parsePositiveMilliseconds, help: TIME_HELP },
  http_version: {
    value: '1.1 | 2',
    parse: (text: string) => (text === '1.1' || text === '2' ? Number(text) : null),
    help: 'valid versions: 1.1, 2',
  },
};

const websocketSwitch = custom('off | on [read_timeout=time] [http_version=1.1|2]', 1, 3, (words, c): WebSocketData => {
  const found = parseSwitch(words, PARAMETERS, c);
  return { on: found !== null, readTimeout: found?.read_timeout ?? null, http2: found?.http_version === 2 };
});

export const upgradeDirectives = {
  proxy_websocket: {
    contexts: CONTEXTS,
    takes: websocketSwitch,
    doc: 'Passes WebSockets to the upstream, alongside plain requests. A request that asks for a WebSocket is sent with HTTP/1.1, `Upgrade: websocket` and `Connection: upgrade`, whatever `proxy_http_version` and `proxy_set_header` say; other requests are sent as configured, without `Upgrade`. Both sides of the handshake are checked (RFC 6455, section 4): a request whose method is not GET, or whose key is not 16 bytes in base64, gets 400, one with a version other than 13 gets 426 with `Sec-WebSocket-Version: 13`. A response 101 with the wrong `Sec-WebSocket-Accept`, without `Upgrade: websocket` or `Connection: upgrade`, or with a subprotocol or an extension that the client has not offered, is invalid: the client gets 502, and the error log the reason. The read timeout of an established WebSocket is `read_timeout`; without that parameter `proxy_read_timeout`, or, if that is not set on any level, one hour. With the parameter, `proxy_read_timeout` limits the time for the response to the handshake only. With `http_version=2`, WebSockets use the HTTP/2 connections of `proxy_http_version 2` (extended CONNECT, RFC 8441), which the upstream must have announced; the response is 502 otherwise. The default is `on` if the URL of `proxy_pass` begins with `ws://` or `wss://`, else `off`: then `proxy_set_header` forwards the fields, as in nginx, and an invalid response is only logged. This is an extension of tsproxy.',
    example: 'proxy_websocket on read_timeout=1d;',
  },
  upgrade_protocols: {
    contexts: CONTEXTS,
    takes: protocolList,
    doc: 'Protocols to which clients may upgrade their connections: names as in the field `Upgrade`, or `any` for all except `h2c`, which must be listed by its name, because requests inside such a tunnel bypass all rules of the configuration. Other protocols are removed from `Upgrade`, and the request is passed as a plain one if none remains; a response 101 that switches to one of them is invalid (502). If the directive is not set, `proxy_websocket on` allows `websocket` only, and without it all protocols that `proxy_set_header` forwards are allowed, as in nginx. This is an extension of tsproxy.',
    example: 'upgrade_protocols websocket;',
  },
} as const;

const PLAIN: UpgradeRequest = { protocols: '', websocket: false };

/** Checks that HTTP/2 is configured if WebSockets use it. */
export function checkUpgrades({ values }: CheckedBlock, c: CheckContext): void {
  const [statement] = c.statements('proxy_websocket');
  const data = values.proxy_websocket as WebSocketData | undefined;
  if (statement === undefined || data?.http2 !== true || values.proxy_http_version === '2') return;
  c.report(
    statement,
    'conflicting-directives',
    '"http_version=2" of "proxy_websocket" requires "proxy_http_version 2"',
    {
      help: 'add "proxy_http_version 2;", or remove the parameter',
    },
  );
}

/** Read timeout of established WebSockets if `proxy_read_timeout` is not set, ms. */
const WEBSOCKET_READ_TIMEOUT = 3_600_000;

/** Upgrade rules of a location. */
export class UpgradeRules {
  private constructor(
    /** `proxy_websocket`; null: if the scheme of the target is `ws` or `wss`. */
    private readonly websocket: boolean | null,
    /** `upgrade_protocols`; null: not set. */
    private readonly allowed: ProtocolList | null,
    /** ms for which a WebSocket may be silent; null: `proxy_read_timeout`. */
    private readonly readTimeout: number | null,
  ) {}

  /** Returns the rules; null if the configured fields decide, as in nginx. `timed`: `proxy_read_timeout` is set. */
  static of(conf: ConfOf<typeof upgradeDirectives>, pass: PassData, timed: boolean): UpgradeRules | null {
    const allowed = conf.upgrade_protocols ?? null;
    let websocket = conf.proxy_websocket?.on ?? null;
    if (websocket === null && !mayBeWebSocket(pass)) websocket = false;
    if (websocket === false && allowed === null) return null;
    const readTimeout = conf.proxy_websocket?.readTimeout ?? (timed ? null : WEBSOCKET_READ_TIMEOUT);
    return new UpgradeRules(websocket, allowed, readTimeout);
  }

  /** Whether a location with these rules may pass WebSockets, whatever its configured fields are. */
  get mayOpenWebSockets(): boolean {
    return this.websocket !== false;
  }

  /**
   * Sets `x.upgradeRequest`, which is null. Returns the status of the response to an invalid handshake, or 0.
   *
   * @param scheme whether the scheme of the target is `ws` or `wss`
   */
  prepare(x: HttpExchange, scheme: boolean): number {
    if (!(this.websocket ?? scheme)) return 0;
    x.upgradeRequest = PLAIN;
    // HTTP/1.0 has no upgrades (RFC 9110, 7.8).
    const requested = x.version < 11 ? [] : this.filter(requestedProtocols(x.headers));
    if (requested.length === 0 || x.nested !== null) return 0;
    const websocket = requested.some((protocol) => protocol.toLowerCase() === 'websocket');
    if (websocket) {
      const refusal = checkRequest(x.method, x.headers);
      // An error page has the fields of the invalid request.
      if (refusal !== null && x.errorPageActive) return 0;
      if (refusal !== null) {
        logError(x, 'info', `client sent invalid WebSocket handshake: ${refusal.reason}`);
        if (refusal.status === 426) {
          // A second field `Connection`, in addition to the server's own.
          x.response.add('Connection', 'upgrade');
          x.response.add('Upgrade', 'websocket');
          x.response.add('Sec-WebSocket-Version', WEBSOCKET_VERSION);
        }
        return refusal.status;
      }
    }
    x.upgradeRequest = { protocols: requested.join(', '), websocket };
    return 0;
  }

  /** Whether `lines` writes the fields of the request; if not, the configured ones are sent. */
  rewrites({ upgradeRequest }: HttpExchange): boolean {
    return upgradeRequest !== null || this.allowed !== null;
  }

  /** The lines `Upgrade` and `Connection` of a rewritten request; the values are those of `proxy_set_header`. */
  lines({ upgradeRequest: request }: HttpExchange, upgrade: string, connection: string): string {
    if (request !== null && request.protocols !== '') {
      const settings = hasMember(request.protocols, 'h2c') ? ', HTTP2-Settings' : '';
      return `Upgrade: ${request.protocols}\r\nConnection: upgrade${settings}\r\n`;
    }
    const protocols = request === null ? this.filter(membersOf(upgrade)) : [];
    let options = connection;
    if (protocols.length === 0 && hasMember(connection, 'upgrade')) {
      options = membersOf(connection)
        .filter((option) => option.toLowerCase() !== 'upgrade')
        .join(', ');
    }
    const first = protocols.length === 0 ? '' : `Upgrade: ${protocols.join(', ')}\r\n`;
    return options === '' ? first : `${first}Connection: ${options}\r\n`;
  }

  /** The reason why a 101 response is invalid; null if it is valid. */
  refusal(
    { upgradeRequest: request, headers }: HttpExchange,
    response: HeaderBlock,
    hidden: HiddenTest,
  ): string | null {
    if (request === null && this.allowed === null) return null;
    const chosen = membersOf(response.joined('upgrade') ?? '');
    const [protocol = ''] = chosen;
    const isWebSocket = chosen.length === 1 && protocol.toLowerCase() === 'websocket';
    if (request?.websocket === true && (isWebSocket || request.protocols.toLowerCase() === 'websocket')) {
      return handshakeError(headers, response, hidden);
    }
    const offered = request === null ? null : membersOf(request.protocols).map((each) => each.toLowerCase());
    const unknown = chosen.find((each) => {
      return offered === null ? this.filter([each]).length === 0 : !offered.includes(each.toLowerCase());
    });
    if (unknown !== undefined) return `upstream switched to the protocol "${unknown}", which was not requested`;
    return request !== null && chosen.length === 0 ? 'upstream switched protocols without "Upgrade"' : null;
  }

  /** ms for which the tunnel may be silent. `configured`: `proxy_read_timeout` or its default. */
  tunnelTimeout({ upgradeRequest }: HttpExchange, configured: number): number {
    return upgradeRequest?.websocket === true ? (this.readTimeout ?? configured) : configured;
  }

  /** The protocols that are allowed. */
  private filter(protocols: readonly string[]): string[] {
    const allowed = this.allowed ?? WEBSOCKET;
    const any = allowed.includes('any');
    return protocols.filter((protocol) => {
      const lower = protocol.toLowerCase();
      const [name = ''] = lower.split('/', 1);
      return (any && name !== 'h2c') || allowed.includes(lower) || allowed.includes(name);
    });
  }
}

type HiddenTest = Parameters<typeof checkResponse>[2];

/** The reason why a response to a handshake is invalid; null if it is valid. */
export function handshakeError(request: HeaderBlock, response: HeaderBlock, hidden: HiddenTest): string | null {
  const error = checkResponse(request, response, hidden);
  return error === null ? null : `upstream sent invalid WebSocket handshake: ${error}`;
}

/** Logs an invalid response to a handshake that the configured fields have forwarded. */
export function logInvalidHandshake(x: HttpExchange, response: HeaderBlock, hidden: HiddenTest): void {
  if (!namesWebSocket(x.headers)) return;
  const error = handshakeError(x.headers, response, hidden);
  if (error !== null) logError(x, 'warn', error);
}

/** Whether the scheme of a target is `ws` or `wss`, or depends on the request. */
function mayBeWebSocket(pass: PassData): boolean {
  if ('target' in pass) return pass.target.websocket;
  const [first] = pass.template;
  return typeof first !== 'string' || /^(?:wss?:|[^:]*$)/i.test(first);
}
