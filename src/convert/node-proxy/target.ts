/** Targets of http-proxy: URLs, or objects of `url.parse`. */
import { isObject, settingOf, type Value } from '../javascript/values.js';

export interface Target {
  readonly scheme: 'http' | 'https';
  /** Host with its port, or `unix:` and a path. */
  readonly to: string;
  readonly host: string;
  /** Path that precedes those of requests, without a slash at its end. */
  readonly path: string;
  /** Whether the URL has the scheme of WebSockets. */
  readonly isWebSocket: boolean;
}

/** The target; null if it is not known. */
export function targetOf(value: Value | undefined): Target | null {
  if (typeof value === 'string') return fromUrl(value);
  if (!isObject(value)) return null;
  const text = (name: string): string => {
    const part = settingOf(value, name);
    return typeof part === 'string' || typeof part === 'number' ? String(part) : '';
  };
  const socket = text('socketPath');
  const scheme = /^https/.test(text('protocol')) ? 'https' : 'http';
  if (socket !== '') return { scheme, to: `unix:${socket}:`, host: 'localhost', path: '', isWebSocket: false };
  const host = text('hostname') || text('host');
  if (host === '') return null;
  return fromUrl(
    `${scheme}://${host}${text('port') === '' ? '' : `:${text('port')}`}${text('pathname') || text('path')}`,
  );
}

function fromUrl(text: string): Target | null {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return null;
  }
  const { protocol, host, hostname, pathname } = url;
  if (!/^(?:https?|wss?):$/.test(protocol) || host === '') return null;
  return {
    scheme: protocol === 'https:' || protocol === 'wss:' ? 'https' : 'http',
    to: host,
    host: hostname,
    path: pathname.replace(/\/+$/, ''),
    isWebSocket: protocol.startsWith('ws'),
  };
}
