/** Forwarding rules of `proxy_pass`: HTTP to an upstream, with the settings of one location. */

import { CACHE_USE } from '../../cache/cache-use.js';
import type { HttpExchange } from '../../exchange/exchange.js';
import { isToken } from '../../http/field-line.js';
import { Field } from '../../http/field-names.js';
import type { UpstreamHead } from '../../http/upstream-session.js';
import type { Transport } from '../../net/transport.js';
import { logError } from '../../program/error-context.js';
import type { Template } from '../../program/template.js';
import type { Tunnels } from '../../tunnel/tunnels.js';
import { upgrade } from '../../tunnel/upgrade.js';
import type { ConnectOptions } from '../../upstream/connect-options.js';
import { passEarlyHints } from '../../upstream/early-hints.js';
import type { ForwardingRules, UpstreamSettings } from '../../upstream/forwarding-rules.js';
import type { HeadEditor } from '../../upstream/head-editor.js';
import type { LocationConnections } from '../../upstream/location-connections.js';
import type { RequestHeadBuilder } from '../../upstream/request-head.js';
import type { ResponseHeadRules } from '../../upstream/response-head.js';
import type { UpgradedAttempt } from '../../upstream/upgraded-attempt.js';
import type { LostUpgrades } from './lost-upgrades.js';
import { proxyHeader } from './proxy-protocol.js';
import { handshakeError, logInvalidHandshake, type UpgradeRules } from './upgrades.js';

export interface ProxyRulesOptions {
  readonly settings: UpstreamSettings;
  readonly requestHead: RequestHeadBuilder;
  /** For requests whose responses are stored; null without a cache. */
  readonly cachedRequestHead: RequestHeadBuilder | null;
  readonly responseHead: ResponseHeadRules;
  readonly method: Template | null;
  readonly body: Template | null;
  readonly passBody: boolean;
  readonly connections: LocationConnections;
  /** Connections for requests that ask for an upgrade, which use HTTP/1.1. */
  readonly upgradeConnections: LocationConnections;
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
}

export class ProxyRules implements ForwardingRules {
  readonly settings: UpstreamSettings;
  readonly scheme: string;
  readonly passBody: boolean;
  readonly chunks: boolean;
  readonly setsBody: boolean;
  readonly editHead: HeadEditor | null;

  constructor(private readonly options: ProxyRulesOptions) {
    this.settings = options.settings;
    this.scheme = options.scheme;
    this.passBody = options.passBody;
    this.setsBody = options.body !== null;
    this.editHead = options.editHead;
    this.chunks = options.requestHead.http11;
  }

  requestHead(x: HttpExchange, length: number, chunked: boolean): string {
    const { requestHead, cachedRequestHead } = this.options;
    const isStored = cachedRequestHead !== null && x.state(CACHE_USE)?.storable === true;
    const builder = isStored ? cachedRequestHead : requestHead;
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
    const { connections, upgradeConnections, proxyProtocol } = this.options;
    const upgrades = x.upgradeRequest !== null && x.upgradeRequest.protocols !== '';
    const options = (upgrades ? upgradeConnections : connections).of(x, host);
    if (proxyProtocol === 'off') return options;
    return { ...options, client: { id: x.client.id, header: proxyHeader(x, proxyProtocol) } };
  }

  responseHead(x: HttpExchange, head: UpstreamHead): void {
    this.options.responseHead.apply(x, head);
  }

  cookie(x: HttpExchange, value: string): string {
    return this.options.responseHead.cookie(x, value);
  }

  earlyHints(x: HttpExchange, head: UpstreamHead): void {
    passEarlyHints(x, head);
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
