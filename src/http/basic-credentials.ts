/** Credentials of Basic authentication (RFC 7617). */
import { Field } from './field-names.js';
import type { HeaderBlock } from './header-block.js';

/** User name and password; byte strings. */
export interface BasicCredentials {
  readonly user: string;
  readonly password: string;
}

/** Parses the value of an `Authorization` field; null if it contains no credentials. nginx: ngx_http_auth_basic_user. */
export function basicCredentials(authorization: string | undefined): BasicCredentials | null {
  const encoded = authorization === undefined ? undefined : /^basic +(.+)$/is.exec(authorization)?.[1];
  // As in nginx, the digits end at the first "=", whatever follows.
  const digits = encoded === undefined ? undefined : /^([A-Za-z0-9+/]+)(?:=.*)?$/s.exec(encoded)?.[1];
  if (digits === undefined || digits.length % 4 === 1) return null;
  const decoded = Buffer.from(digits, 'base64').latin1Slice();
  const colon = decoded.indexOf(':');
  return colon > 0 ? { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) } : null;
}

/** Value of the field with the credentials: CONNECT is a request to the proxy itself (RFC 9110 11.7.2). */
export function sentCredentials({
  method,
  headers,
}: {
  readonly method: string;
  readonly headers: HeaderBlock;
}): string | undefined {
  return method === 'CONNECT' ? headers.get('proxy-authorization') : headers.valueOf(Field.Authorization);
}
