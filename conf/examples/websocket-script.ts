import type { Request, WebSocketMessage, WebSocketUpgrade } from 'tsproxy';

/** Hosts that may be requested, and their back ends: without this list, the proxy would be an open one. */
const BACKENDS: Readonly<Record<string, string>> = {
  'one.chat.example': '127.0.0.1:3001',
  'two.chat.example': '127.0.0.1:3002',
};
const DEFAULT_TYPE = 'text/plain; charset=utf-8';

interface Envelope {
  readonly type?: string;
  readonly internal?: unknown;
}

export function upgrade(r: Request, { socket }: WebSocketUpgrade) {
  const backend = BACKENDS[r.variables.host ?? ''];
  if (backend === undefined) return r.return(404);
  const user = r.headersIn['X-User'];
  if (user === undefined) return r.return(401);
  r.variables.backend = backend;
  socket.state.user = user;
}

export function message(_r: Request, message: WebSocketMessage) {
  if (message.binary) return message.close(1003, 'text only');
  const { internal: _, ...envelope } = message.json<Envelope>();
  const { user } = message.socket.state;
  if (message.from === 'client')
    message.replace({ ...envelope, type: envelope.type ?? DEFAULT_TYPE, user: String(user) });
  else message.replace({ ...envelope, type: envelope.type ?? DEFAULT_TYPE });
}
