/** URLs of locations of a running proxy, for its clients on the command line. */
import { UsageError } from './usage-error.js';

export interface LocationTarget {
  /** URL of the location. */
  readonly url: string;
  /** Path of a unix domain socket; null: the host of the URL. */
  readonly socket: string | null;
}

/** The URL with a slash at its end. Throws a usage error. */
export function locationUrl({ url }: LocationTarget): URL {
  let base: URL;
  try {
    base = new URL(url.endsWith('/') ? url : `${url}/`);
  } catch {
    throw new UsageError(`invalid URL "${url}"`);
  }
  if (!/^https?:$/.test(base.protocol)) throw new UsageError(`"${url}" is not an HTTP URL`);
  return base;
}

/** The field value for the credentials of a URL; null if it has none. */
export function basicAuthorization({ username, password }: URL): string | null {
  if (username === '') return null;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}
