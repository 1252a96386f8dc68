/** Text in place of what is redacted. */
export const REDACTED = '[redacted]';

/** Names of header fields and arguments whose values are credentials: always redacted. Lower case. */
export const CREDENTIALS: readonly string[] = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'access_token',
  'api_key',
  'password',
  'token',
];
