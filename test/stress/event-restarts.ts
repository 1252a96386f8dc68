/** Clients of an event stream whose upstream is restarted again and again: no event is lost or repeated. */
import assert from 'node:assert/strict';
import { EventClient, EventServer, until } from '../kit/index.js';

export interface RestartOutcome {
  readonly events: number;
  /** Requests that the server has received. */
  readonly requests: number;
  readonly seconds: number;
}

/**
 * Connects `clients` to `start(port of the upstream)`, and restarts the upstream `restarts` times, by ends and by cuts in turn,
 * while events are sent. `overlap`: number of events that the upstream repeats to each client that continues.
 */
export async function restartUpstream(
  start: (upstream: number) => Promise<number>,
  clients: number,
  restarts: number,
  overlap: number,
): Promise<RestartOutcome> {
  const server = new EventServer(overlap);
  await server.start();
  const begun = performance.now();
  const sent: string[] = [];
  const streams: EventClient[] = [];
  const timer = setInterval(() => {
    const data = `event ${sent.length + 1}`;
    sent.push(data);
    server.send(data);
  }, 20);
  try {
    const port = await start(server.port);
    for (let i = 0; i < clients; i++) {
      streams.push(new EventClient(port, '/', { headers: { 'Last-Event-ID': '0' } }));
    }
    for (const stream of streams) await stream.received(1);
    for (let restart = 0; restart < restarts; restart++) {
      await server.stop(restart % 2 === 0);
      const missed = sent.length + 3;
      await until('events were sent without a server', () => sent.length >= missed);
      await server.start();
      await until('all clients are connected again', () => server.open.size === clients);
    }
    clearInterval(timer);
    for (const stream of streams) {
      await stream.received(sent.length);
      assert.equal(stream.state, 'open');
      assert.deepEqual(stream.data, sent);
    }
    return { events: sent.length, requests: server.lastIds.length, seconds: (performance.now() - begun) / 1000 };
  } finally {
    clearInterval(timer);
    for (const stream of streams) stream.close();
    await server.stop();
  }
}
