/** What the request engine is told by a pass directive's module: settings, and how messages look. */
import type { Exchange } from '../exchange/exchange.js';
import type { Template } from '../exchange/template.js';
import type { ResponseReader } from '../http/response-reader.js';
import type { SpoolSettings } from './answer-spool.js';
import type { ConnectOptions, UpstreamConnection } from './connection.js';
import type { UpgradedAttempt } from './upgraded-attempt.js';

/** What a pass directive's family sets. Times in ms, sizes in bytes; 0 is no limit. */
export interface UpstreamSettings {
  readonly connectTimeout: number;
  readonly sendTimeout: number;
  readonly readTimeout: number;
  /** Bits of NEXT_UPSTREAM. */
  readonly nextUpstream: number;
  readonly nextUpstreamTries: number;
  readonly nextUpstreamTimeout: number;
  /** Size that an answer's head may have. */
  readonly bufferSize: number;
  /** Bytes of a buffered answer that are read in a second; null for no limit. */
  readonly limitRate: Template | null;
  readonly requestBuffering: boolean;
  /** What a slow client does not take waits, and not the upstream. */
  readonly buffering: boolean;
  /** Where that waits. */
  readonly spool: SpoolSettings;
  readonly interceptErrors: boolean;
  readonly ignoreClientAbort: boolean;
  readonly passTrailers: boolean;
  /** `X-Accel-Redirect`, `X-Accel-Buffering` and `X-Accel-Limit-Rate` are obeyed (unless `proxy_ignore_headers` names them). */
  readonly obeysRedirect: boolean;
  readonly obeysBuffering: boolean;
  readonly obeysLimitRate: boolean;
}

/** What differs between protocols and locations: how the request looks, and what becomes of the answer's head. */
export interface ForwardingRules {
  readonly settings: UpstreamSettings;
  /** `http://`, for log lines. */
  readonly scheme: string;
  /** The request's head, ended by the blank line. `chunked`: the body will be sent in chunks. */
  requestHead(x: Exchange, bodyLength: number, chunked: boolean): string;
  /** The request asks for the head of an answer only. */
  asksHead(x: Exchange): boolean;
  /** Another body is sent than the client's (`proxy_set_body`). */
  readonly setsBody: boolean;
  /** That body; asked for when the client's was read. */
  requestBody(x: Exchange): string;
  /** What the connection is bound to. */
  connectOptions(x: Exchange): ConnectOptions;
  /** A body of unknown length can be sent, in chunks. */
  readonly chunks: boolean;
  /** The client's body is passed on (`proxy_pass_request_body`). */
  readonly passBody: boolean;
  /** Puts the fields into `x.response` (hiding, redirects, cookies). */
  responseHead(x: Exchange, reader: ResponseReader): void;
  /** The value of a `Set-Cookie` field as the client sees it. */
  cookie(x: Exchange, value: string): string;
  /** A 103 answer; its lines are passed on where that is wanted. */
  earlyHints(x: Exchange, reader: ResponseReader): void;
  /** A 101 answer to a request that asked for it: the sockets are taken over, with bytes that came behind the head. */
  upgrade(x: Exchange, attempt: UpgradedAttempt, connection: UpstreamConnection, early: Buffer): void;
}
