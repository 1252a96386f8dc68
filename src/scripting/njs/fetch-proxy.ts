/** Forward proxies of `ngx.fetch` (`js_fetch_proxy`): the URL, and tunnels for https. */
import type net from 'node:net';
import { parseAddress } from '../../config/address.js';
import { FetchFailed } from './fetch-failed.js';
import type { Target } from './request.js';

/** `js_fetch_proxy`. */
export interface FetchProxy {
  readonly host: string;
  readonly port: number;
  /** Value of Proxy-Authorization, or null. */
  readonly authorization: string | null;
}

const DEFAULT_PORT = 3128;
/** Maximum size of the head of a response to CONNECT, bytes. */
const MAX_HEAD = 16_384;

/** Parses the URL of a proxy, a byte string; errors have njs's messages. Null for an empty URL. */
export function parseProxyUrl(url: string): FetchProxy | null | { readonly mistake: string } {
  if (url === '') return null;
  if (!url.startsWith('http://')) return { mistake: 'js_fetch_proxy URL must use http:// scheme' };
  let address = url.slice('http://'.length);
  let authorization: string | null = null;
  const at = address.indexOf('@');
  if (at >= 0) {
    const credentials = address.slice(0, at);
    const colon = credentials.lastIndexOf(':');
    if (colon < 1) {
      return credentials.startsWith(':')
        ? { mistake: 'js_fetch_proxy username is empty' }
        : { mistake: 'js_fetch_proxy URL credentials must be in user:password format' };
    }
    const user = unescaped(credentials.slice(0, colon));
    const password = unescaped(credentials.slice(colon + 1));
    if (user === '') return { mistake: 'js_fetch_proxy username is empty' };
    if (password === '') return { mistake: 'js_fetch_proxy password is empty' };
    authorization = `Basic ${Buffer.from(`${user}:${password}`, 'latin1').toString('base64')}`;
    address = address.slice(at + 1);
  }
  const parsed = parseAddress(address.replace(/\/$/, ''), { defaultPort: DEFAULT_PORT });
  if ('mistake' in parsed || parsed.family === 'unix' || parsed.host === '') {
    return { mistake: `invalid proxy URL: ${url}` };
  }
  return { host: parsed.host, port: parsed.port, authorization };
}

function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** Opens a tunnel through the proxy by CONNECT (RFC 9110 9.3.6). Rejects with FetchFailed. */
export function connectThrough(
  socket: net.Socket,
  { host, port }: Target,
  { authorization }: FetchProxy,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0);
    const settle = (error: unknown): void => {
      socket.off('readable', read);
      socket.off('close', closed);
      signal.removeEventListener('abort', abort);
      if (error === null) resolve();
      else reject(error);
    };
    const abort = (): void => settle(signal.reason);
    const closed = (): void => settle(new FetchFailed('prematurely closed connection'));
    const read = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (head.length > MAX_HEAD) settle(new FetchFailed('proxy CONNECT: invalid headers'));
        return;
      }
      const status = /^HTTP\/1\.[01] (\d{3})(?: |\r)/.exec(head.toString('latin1', 0, end + 2))?.[1];
      if (status === '200') {
        const rest = head.subarray(end + 4);
        if (rest.length > 0) socket.unshift(rest);
        settle(null);
      } else {
        const reason = status === undefined ? ': invalid status line' : ` failed with status ${status}`;
        settle(new FetchFailed(`proxy CONNECT${reason}`));
      }
    };
    socket.on('readable', read);
    socket.on('close', closed);
    signal.addEventListener('abort', abort, { once: true });
    const fields = [`CONNECT ${host}:${port} HTTP/1.1`, `Host: ${host}:${port}`];
    if (authorization !== null) fields.push(`Proxy-Authorization: ${authorization}`);
    socket.write(`${fields.join('\r\n')}\r\n\r\n`, 'latin1');
  });
}
