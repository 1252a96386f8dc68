/** Credentials of Basic authentication (RFC 7617). */

/** Returns the user name in the value of an `Authorization` field, or undefined. Byte strings. */
export function basicUser(authorization: string | undefined): string | undefined {
  const encoded = authorization === undefined ? undefined : /^basic +(.+)$/is.exec(authorization)?.[1];
  if (encoded === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('latin1');
  const colon = decoded.indexOf(':');
  return colon > 0 ? decoded.slice(0, colon) : undefined;
}
