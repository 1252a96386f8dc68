/** Reloads under WebSockets on streams; the suite runs some, `bench/stream-websockets.ts` many. */
import { startProxy, type WebSocketClient, websocketEcho } from '../kit/index.js';
import { closeSession, http2Session, streamWebSocket } from './stream-websocket.js';

/** Counts of a run; `streams`: for each connection. */
export interface StreamReloadRun {
  readonly connections: number;
  readonly streams: number;
  readonly reloads: number;
}

/** Returns the number of WebSockets that were closed, and of messages that were lost or wrong. */
export async function reloadUnderStreams(run: StreamReloadRun): Promise<{ failed: number; lost: number }> {
  const echo = await websocketEcho();
  const text = (n: number): string => `server {
    listen 127.0.0.1:0; http2 on; http2_extended_connect on; http2_max_concurrent_streams 1000;
    location / { proxy_websocket on; proxy_pass http://127.0.0.1:${echo.port}; }
    location /n { return 200 ${n}; }
  }`;
  const proxy = await startProxy(text(0));
  const sessions = await Promise.all(Array.from({ length: run.connections }, () => http2Session(proxy.port)));
  const sockets: WebSocketClient[] = [];
  for (const session of sessions) {
    for (let i = 0; i < run.streams; i++) sockets.push(await streamWebSocket(session));
  }
  let [failed, lost] = [0, 0];
  for (const socket of sockets) void socket.closed.then(() => failed++);
  for (let n = 1; n <= run.reloads; n++) {
    // Messages are in flight during the reload.
    const asked = sockets.map((socket, i) => socket.ask(`${n} ${i}`));
    await proxy.reload(text(n));
    for (const [i, answer] of (await Promise.all(asked)).entries()) if (answer !== `${n} ${i}`) lost++;
  }
  const result = { failed, lost };
  for (const session of sessions) closeSession(session);
  await proxy.close();
  await echo.close();
  return result;
}
