/** Connections of a location with `proxy_pass`. */
import type { ConfOf } from '../../config/directive.js';
import type { OpenSession } from '../../http/upstream-session.js';
import type { Scope } from '../../program/module.js';
import type { Prefixed } from '../../tls/upstream-ssl.js';
import type { UpstreamTls } from '../../tls/upstream-tls.js';
import { LocationConnections } from '../../upstream/location-connections.js';
import type { HttpVersion } from '../../upstream/request-head.js';
import type { WebSocketData } from './upgrades.js';

interface Conf extends ConfOf<Prefixed<'proxy'>> {
  readonly proxy_bind?: 'off' | Parameters<Scope['compiler']['template']>[0] | undefined;
  readonly proxy_socket_keepalive: boolean;
  readonly proxy_http_version: HttpVersion;
  readonly proxy_websocket?: WebSocketData | undefined;
}

/** TLS of connections: with the configured version of HTTP, and for upgrades, which use HTTP/1.1. */
export interface ProxyTls {
  readonly requests: UpstreamTls;
  readonly upgrades: UpstreamTls;
}

type CompileTls = typeof import('../../tls/compile-upstream-ssl.js').compileUpstreamTls;

export function compileTls(conf: Conf, at: Scope, compile: CompileTls): ProxyTls {
  const upgrades = compile('proxy', conf, at, []);
  return { upgrades, requests: conf.proxy_http_version === '2' ? compile('proxy', conf, at, ['h2']) : upgrades };
}

/** `open`: opens sessions of HTTP/2; null: HTTP/1 is configured. */
export function proxyConnections(conf: Conf, { compiler }: Scope, tls: ProxyTls | null, open: OpenSession | null) {
  const { proxy_bind: bind, proxy_socket_keepalive: socketKeepalive } = conf;
  const options = {
    bind: bind === undefined || bind === 'off' ? null : compiler.template(bind),
    socketKeepalive,
    connect: compiler.observer.connect,
  };
  const http1Connections = new LocationConnections({ ...options, tls: tls?.upgrades ?? null, open: null });
  const connections =
    open === null ? http1Connections : new LocationConnections({ ...options, tls: tls?.requests ?? null, open });
  return { connections, upgradeConnections: conf.proxy_websocket?.http2 === true ? connections : http1Connections };
}
