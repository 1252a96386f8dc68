/** Forwarding rules of `proxy_pass`: HTTP/1 to an upstream, with the settings of one location. */

import type { HttpExchange } from '../../exchange/exchange.js';
import { isToken } from '../../http/field-line.js';
import { Field } from '../../http/field-names.js';
import { NameSet } from '../../http/header-block.js';
import { REQUEST_HOP_BY_HOP } from '../../http/hop-by-hop.js';
import type { UpstreamHead } from '../../http/upstream-session.js';
import type { Connect, Transport } from '../../net/transport.js';
import { logError } from '../../program/error-context.js';
import type { Template } from '../../program/template.js';
import type { TlsIdentity, UpstreamTls } from '../../tls/upstream-tls.js';
import type { Tunnels } from '../../tunnel/tunnels.js';
import { upgrade } from '../../tunnel/upgrade.js';
import type { ConnectOptions } from '../../upstream/connect-options.js';
import { EARLY_HINTS } from '../../upstream/early-hints.js';
import type { ForwardingRules, UpstreamSettings } from '../../upstream/forwarding-rules.js';
import type { HeadEditor } from '../../upstream/head-editor.js';
import { parseLocalAddress } from '../../upstream/local-address.js';
import type { UpgradedAttempt } from '../../upstream/upgraded-attempt.js';
import type { LostUpgrades } from './lost-upgrades.js';
import { proxyHeader } from './proxy-protocol.js';
import type { RequestHeadBuilder } from './request-head.js';
import type { ResponseHeadRules } from './response-head.js';
import { handshakeError, logInvalidHandshake, type UpgradeRules } from './upgrades.js';

export interface ProxyRulesOptions {
  readonly settings: UpstreamSettings;
  readonly requestHead: RequestHeadBuilder;
  readonly responseHead: ResponseHeadRules;
  readonly method: Template | null;
  readonly body: Template | null;
  readonly passBody: boolean;
  readonly bind: Template | null;
  readonly socketKeepalive: boolean;
  /** Replaces real connections; null to use the network. */
  readonly connect: Connect | null;
  /** Registry of open tunnels. */
  readonly tunnels: Tunnels;
  readonly scheme: 'http://' | 'https://';
  /** Upgrades that differ from the configured fields; null: there are none. */
  readonly upgrades: UpgradeRules | null;
  /** Logs requests for a WebSocket that are not passed on. */
  readonly lostUpgrades: LostUpgrades;
  /** Version of the PROXY protocol header that each connection begins with. */
  readonly proxyProtocol: 'off' | 'on' | 'v2';
  /** Changes the head of a request; null: it is sent as it is. */
  readonly editHead: HeadEditor | null;
  /** TLS of the connections; null for plain ones, and if nothing connects. */
  readonly tls: UpstreamTls | null;
}

/** Fields of a 103 response that are not forwarded, in addition to hop-by-hop fields. */
const INTERIM_HIDDEN = new NameSet([...REQUEST_HOP_BY_HOP, 'Date', 'Server']);

export class ProxyRules implements ForwardingRules {
  readonly settings: UpstreamSettings;
  readonly scheme: string;
  readonly passBody: boolean;
  readonly chunks: boolean;
  readonly setsBody: boolean;
  readonly editHead: HeadEditor | null;
  private readonly defaultOptions: ConnectOptions;
  /** Options of the last TLS identity; most requests have the same one. */
  private secured: ConnectOptions;

  constructor(private readonly options: ProxyRulesOptions) {
    this.settings = options.settings;
    this.scheme = options.scheme;
    this.passBody = options.passBody;
    this.setsBody = options.body !== null;
    this.editHead = options.editHead;
    this.chunks = options.requestHead.http11;
    const { connect } = options;
    this.defaultOptions = { identity: '', keepAlive: options.socketKeepalive, ...(connect !== null && { connect }) };
    this.secured = this.defaultOptions;
  }

  requestHead(x: HttpExchange, length: number, chunked: boolean): string {
    const { requestHead: builder } = this.options;
    const head = builder.build(x, x.upstreamMethod, x.upstreamUri, x.upstreamHost ?? '', length, chunked);
    if (x.headers.indexOf(Field.Upgrade) >= 0) this.options.lostUpgrades.check(x, head);
    return head;
  }

  /**
   * Sets `x.upstreamMethod` once for all attempts, because the framing of the response depends on the method sent. False if
   * `proxy_method` is not a token (RFC 9110 5.6.2), because it could inject another request.
   */
  chooseMethod(x: HttpExchange): boolean {
    const { method } = this.options;
    x.upstreamMethod = method === null ? x.method : method.of(x);
    if (method === null || isToken(x.upstreamMethod)) return true;
    logError(x, 'error', `invalid method "${x.upstreamMethod}" in "proxy_method"`);
    return false;
  }

  /** Whether the method is HEAD; case-insensitive, as in nginx. */
  asksHead(x: HttpExchange): boolean {
    return x.upstreamMethod.length === 4 && x.upstreamMethod.toUpperCase() === 'HEAD';
  }

  requestBody(x: HttpExchange): string {
    return this.options.body?.of(x) ?? '';
  }

  connectOptions(x: HttpExchange, host: string): ConnectOptions {
    const { bind, tls, proxyProtocol } = this.options;
    let options = tls === null ? this.defaultOptions : this.securedBy(tls.identity(x, host));
    if (proxyProtocol !== 'off') {
      options = { ...options, client: { id: x.client.id, header: proxyHeader(x, proxyProtocol) } };
    }
    if (bind === null) return options;
    const address = bind.of(x);
    if (address === '') return options;
    const local = parseLocalAddress(address);
    if (local === null) {
      logError(x, 'error', `invalid local address "${address}"`);
      return options;
    }
    return { ...options, ...local };
  }

  private securedBy(identity: TlsIdentity): ConnectOptions {
    const { key, connect, refusal } = identity;
    if (this.secured.identity !== key) this.secured = { ...this.defaultOptions, identity: key, connect, refusal };
    return this.secured;
  }

  responseHead(x: HttpExchange, head: UpstreamHead): void {
    this.options.responseHead.apply(x, head);
  }

  cookie(x: HttpExchange, value: string): string {
    return this.options.responseHead.cookie(x, value);
  }

  earlyHints(x: HttpExchange, head: UpstreamHead): void {
    const condition = x.location.settings.get(EARLY_HINTS)?.of(x) ?? '';
    if (condition !== '' && condition !== '0') x.client.sendInterim(103, head.headers.lines(INTERIM_HIDDEN));
  }

  checkUpgrade(x: HttpExchange, { headers }: UpstreamHead): string | null {
    const { upgrades, responseHead } = this.options;
    const { hiddenFields } = responseHead;
    const error = upgrades?.refusal(x, headers, hiddenFields) ?? null;
    if (error !== null || x.upgradeRequest !== null) return error;
    // The client of an extended CONNECT has not chosen the key, and cannot check the response.
    if (x.client.extendedConnect) return handshakeError(x.headers, headers, hiddenFields);
    logInvalidHandshake(x, headers, hiddenFields);
    return null;
  }

  upgrade(x: HttpExchange, attempt: UpgradedAttempt, transport: Transport, early: Buffer): void {
    const side = { transport, early, peerEnded: false };
    const { settings } = this;
    const { upgrades, tunnels } = this.options;
    const readTimeout = upgrades?.tunnelTimeout(x, settings.readTimeout) ?? settings.readTimeout;
    upgrade(x, attempt, side, { readTimeout, sendTimeout: settings.sendTimeout }, tunnels);
  }
}
