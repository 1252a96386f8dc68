/** Settings and message formats that a pass directive's module provides to the request engine. */

import type { CacheSettings } from '../cache/cache-settings.js';
import type { UpstreamHead } from '../http/upstream-session.js';
import type { Transport } from '../net/transport.js';
import type { Exchange } from '../program/exchange.js';
import type { Template } from '../program/template.js';
import type { ConnectOptions } from './connect-options.js';
import type { HeadEditor } from './head-editor.js';
import type { SpoolSettings } from './response-spool.js';
import type { StoreSettings } from './response-store.js';
import type { UpgradedAttempt } from './upgraded-attempt.js';

/** Settings of a pass directive's module. Times in ms, sizes in bytes; 0: unlimited. */
export interface UpstreamSettings {
  readonly connectTimeout: number;
  readonly sendTimeout: number;
  readonly readTimeout: number;
  /** Bits of NEXT_UPSTREAM. */
  readonly nextUpstream: number;
  readonly nextUpstreamTries: number;
  readonly nextUpstreamTimeout: number;
  /** Maximum size of a response head. */
  readonly bufferSize: number;
  /** Maximum rate at which a buffered response is read, bytes/s; null: unlimited. */
  readonly limitRate: Template | null;
  readonly requestBuffering: boolean;
  /** Whether responses are buffered for slow clients, so that the upstream need not wait. */
  readonly buffering: boolean;
  /** Limits and location of the response buffers. */
  readonly spool: SpoolSettings;
  /** Storage of responses as files; null: they are not stored. */
  readonly store: StoreSettings | null;
  /** Cache of responses; null: they are not cached. */
  readonly cache: CacheSettings | null;
  readonly interceptErrors: boolean;
  readonly ignoreClientAbort: boolean;
  readonly passTrailers: boolean;
  /**
   * Whether `X-Accel-Redirect`, `X-Accel-Buffering` and `X-Accel-Limit-Rate` are processed (not listed in
   * `proxy_ignore_headers`).
   */
  readonly obeysRedirect: boolean;
  readonly obeysBuffering: boolean;
  readonly obeysLimitRate: boolean;
}

/** Protocol- and location-specific handling of requests and response heads. */
export interface ForwardingRules {
  readonly settings: UpstreamSettings;
  /** `http://` or `https://`, for log lines. */
  readonly scheme: string;
  /** Returns the request head including the empty line. `chunked`: the body is sent in chunks. */
  requestHead(x: Exchange, bodyLength: number, chunked: boolean): string;
  /** Changes the head; null: it is sent as it is. */
  readonly editHead: HeadEditor | null;
  /** Whether the request asks for a response without body. */
  asksHead(x: Exchange): boolean;
  /** Whether a body other than the client's is sent (`proxy_set_body`). */
  readonly setsBody: boolean;
  /** Returns that body; called after the client's body was read. */
  requestBody(x: Exchange): string;
  /** Returns the options of all connections for a request; called once, when a peer is selected. `host`: the upstream's name. */
  connectOptions(x: Exchange, host: string): ConnectOptions;
  /** Whether a body of unknown length can be sent in chunks. */
  readonly chunks: boolean;
  /** Whether the client's body is forwarded (`proxy_pass_request_body`). */
  readonly passBody: boolean;
  /** Copies the fields to `x.response` (hiding, redirects, cookies). */
  responseHead(x: Exchange, head: UpstreamHead): void;
  /** Returns the value of a `Set-Cookie` field for the client. */
  cookie(x: Exchange, value: string): string;
  /** Processes a 103 response; its field lines are forwarded if enabled. */
  earlyHints(x: Exchange, head: UpstreamHead): void;
  /** Checks a 101 response to an upgrade request. Returns the error if it is invalid, or null. */
  checkUpgrade(x: Exchange, head: UpstreamHead): string | null;
  /** Processes a 101 response to an upgrade request: takes over the sockets and the bytes received after the head. */
  upgrade(x: Exchange, attempt: UpgradedAttempt, transport: Transport, early: Buffer): void;
}
