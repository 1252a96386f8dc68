/** Settings of HTTP/2 connections and streams, set by the module `v2`. */
import type { ListenerProgram } from '../program/program.js';
import { SettingsKey } from '../program/settings-key.js';

export interface Http2Settings {
  /** `http2`. */
  readonly enabled: boolean;
  /** `http2_max_concurrent_streams`. */
  readonly maxConcurrentStreams: number;
  /** Receive window of a stream whose body is not being read yet, bytes (`http2_body_preread_size`). */
  readonly prereadSize: number;
  /** Whether clients may open WebSockets on streams (`http2_extended_connect`). */
  readonly extendedConnect: boolean;
  /** Maximum payload of a DATA frame, bytes (`http2_chunk_size`); the only setting that differs between locations. */
  readonly chunkSize: number;
}

export const HTTP2 = new SettingsKey<Http2Settings>('http2', {
  enabled: false,
  maxConcurrentStreams: 128,
  prereadSize: 65_536,
  extendedConnect: false,
  chunkSize: 8192,
});

/** Whether clients may use HTTP/2 for a server of an address. nginx: `h2scf->enable || addr_conf->http2`. */
export function allowsHttp2(
  program: ListenerProgram,
  server: { readonly base: ListenerProgram['defaultServer']['base'] },
): boolean {
  return program.http2 === true || server.base.settings.get(HTTP2).enabled;
}
