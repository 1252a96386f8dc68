/** The proxy as a plugin of Fastify. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { MiddlewareOptions, ProxyMiddleware } from './middleware.js';

type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** The part of a Fastify instance that the plugin uses. */
export interface FastifyHost {
  readonly prefix: string;
  readonly server: { on(event: 'upgrade', listener: UpgradeListener): unknown };
  removeAllContentTypeParsers(): void;
  // biome-ignore lint/suspicious/noExplicitAny: the types of Fastify depend on its server
  addContentTypeParser(type: string, parser: (request: any, payload: any, done: any) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  all(path: string, handler: (request: any, reply: any) => void): unknown;
}

/** For `fastify.register(plugin, { prefix })`. */
export type FastifyPlugin = (instance: FastifyHost) => Promise<void>;

interface RawPair {
  readonly request: { readonly raw: IncomingMessage };
  readonly reply: { readonly raw: ServerResponse; hijack(): void };
}

/** Filter for requests below a prefix; `/apis` is not below `/api`. */
function isBelow(prefix: string): (req: IncomingMessage) => boolean {
  return ({ url = '' }) =>
    url.startsWith(prefix) && (prefix.endsWith('/') || /^(?:[/?]|$)/.test(url.slice(prefix.length)));
}

/** Passes all requests and upgrades below the plugin's prefix to the proxy; bodies are not parsed. */
export function fastifyPlugin(
  create: (options: MiddlewareOptions) => ProxyMiddleware,
  options: MiddlewareOptions = {},
): FastifyPlugin {
  return async (instance) => {
    const { prefix } = instance;
    const middleware = create(prefix === '' ? options : { filter: isBelow(prefix), ...options });
    instance.removeAllContentTypeParsers();
    instance.addContentTypeParser('*', (_request: unknown, _payload: unknown, done: (error: null) => void) =>
      done(null),
    );
    instance.all('/*', (request: RawPair['request'], reply: RawPair['reply']) => {
      reply.hijack();
      middleware(request.raw, reply.raw);
    });
    instance.server.on('upgrade', middleware.upgrade);
  };
}
