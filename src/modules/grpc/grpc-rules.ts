/** Forwarding rules of `grpc_pass`: HTTP/2 to an upstream, with the settings of one location. */
import type { HttpExchange } from '../../exchange/exchange.js';
import type { UpstreamHead } from '../../http/upstream-session.js';
import type { ConnectOptions } from '../../upstream/connect-options.js';
import { passEarlyHints } from '../../upstream/early-hints.js';
import type { ForwardingRules, UpstreamSettings } from '../../upstream/forwarding-rules.js';
import type { HeadEditor } from '../../upstream/head-editor.js';
import type { LocationConnections } from '../../upstream/location-connections.js';
import type { RequestHeadBuilder } from '../../upstream/request-head.js';
import type { ResponseHeadRules } from '../../upstream/response-head.js';

export interface GrpcRulesOptions {
  readonly settings: UpstreamSettings;
  readonly requestHead: RequestHeadBuilder;
  readonly responseHead: ResponseHeadRules;
  readonly connections: LocationConnections;
  readonly scheme: 'grpc://' | 'grpcs://';
  /** Changes the head of a request; null: it is sent as it is. */
  readonly editHead: HeadEditor | null;
}

export class GrpcRules implements ForwardingRules {
  readonly settings: UpstreamSettings;
  readonly scheme: string;
  readonly passBody = true;
  readonly chunks = true;
  readonly setsBody = false;
  readonly editHead: HeadEditor | null;

  constructor(private readonly options: GrpcRulesOptions) {
    this.settings = options.settings;
    this.scheme = options.scheme;
    this.editHead = options.editHead;
  }

  requestHead(x: HttpExchange, length: number, chunked: boolean): string {
    return this.options.requestHead.build(x, x.method, x.upstreamUri, x.upstreamHost ?? '', length, chunked);
  }

  asksHead(x: HttpExchange): boolean {
    return x.method === 'HEAD';
  }

  requestBody(): string {
    return '';
  }

  connectOptions(x: HttpExchange, host: string): ConnectOptions {
    return this.options.connections.of(x, host);
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

  // HTTP/2 has no 101 responses.

  checkUpgrade(): string {
    return 'upstream sent unexpected :status "101"';
  }

  upgrade(): void {}
}
