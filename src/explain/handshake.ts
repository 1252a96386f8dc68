/** The reason why a WebSocket handshake is not passed on as one. */

const UPGRADE = /^Upgrade: *websocket\b/im;
const CONNECTION = /^Connection: *(?:[^\r\n]*[, ])?upgrade\b/im;

/** Fields that the head of a handshake lacks on its way to an upstream; null where it is complete. */
export function lackingForHandshake(head: string): string | null {
  if (/^\S+ \S+ HTTP\/1\.0\r/.test(head)) return 'the upstream gets an HTTP/1.0 request (proxy_http_version 1.1;)';
  const lacking = [
    ...(UPGRADE.test(head) ? [] : ['"Upgrade" (proxy_set_header Upgrade $http_upgrade;)']),
    ...(CONNECTION.test(head) ? [] : ['"Connection: upgrade" (proxy_set_header Connection $connection_upgrade;)']),
  ];
  return lacking.length === 0 ? null : `the upstream does not get ${lacking.join(' and ')}`;
}
