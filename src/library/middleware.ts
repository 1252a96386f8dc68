/** Types of the proxy as a middleware of servers on `node:http`: Express, Connect, Vite. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

export interface MiddlewareOptions {
  /**
   * Requests for the proxy: those whose path begins with one of these texts, or for which the function returns true. Others are
   * passed to the next middleware; upgrades are ignored. Default: all.
   */
  readonly filter?: string | readonly string[] | ((req: IncomingMessage) => boolean);
  /**
   * Address in `listen` whose servers handle the requests, as in `ReverseProxy.addresses` without the actual ports:
   * `127.0.0.1:8080`,
   * `*:80`. Default: the first one of the configuration.
   */
  readonly listen?: string;
  /** Whether the path under which the middleware is mounted is removed from the request target. Default: false. */
  readonly stripMountPath?: boolean;
}

/** `(req, res, next)`. */
export interface ProxyMiddleware {
  (req: IncomingMessage, res: ServerResponse, next?: (error?: unknown) => void): void;
  /** Listener for the event `upgrade` of the server: `server.on('upgrade', middleware.upgrade)`. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
}
