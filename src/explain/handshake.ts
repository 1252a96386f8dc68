/** Check of the WebSocket handshake that is sent to an upstream server. */

const UPGRADE = /^Upgrade: *websocket\b/im;
const CONNECTION = /^Connection: *(?:[^\r\n]*[, ])?upgrade\b/im;

/** Description of what a handshake request to an upstream server lacks; null if it is complete. */
export function missingFromHandshake(head: string): string | null {
  if (/^\S+ \S+ HTTP\/1\.0\r/.test(head))
    return 'the upstream server receives an HTTP/1.0 request (proxy_http_version 1.1;)';
  const lacking = [
    ...(UPGRADE.test(head) ? [] : ['"Upgrade" (proxy_set_header Upgrade $http_upgrade;)']),
    ...(CONNECTION.test(head) ? [] : ['"Connection: upgrade" (proxy_set_header Connection $connection_upgrade;)']),
  ];
  return lacking.length === 0 ? null : `the upstream server does not receive ${lacking.join(' and ')}`;
}
