/** nginx and tsproxy side by side, each in front of recording back ends. Several lanes, so that cases can run at once. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after, setImmediate as turn } from 'node:timers/promises';
import { type Connection, closedPort, complete, connect, startProxy, type Target } from '../../kit/index.js';
import { startNginx, stopNginx } from '../nginx.js';
import { Recorder } from './recorder.js';

/** Bodies are read before the back end is asked, or passed on as they come. */
export type Kind = 'buffered' | 'streamed';
export const KINDS: readonly Kind[] = ['buffered', 'streamed'];

/** One proxy in one lane. */
export interface Side {
  readonly name: 'nginx' | 'tsproxy';
  readonly targets: Readonly<Record<Kind, Target>>;
  readonly recorder: Recorder;
  /** Milliseconds between two pieces, so that it reads each by itself; 0 for a proxy in this process. */
  pause: number;
}

/** Both proxies, for one case at a time. */
export interface Lane {
  readonly nginx: Side | null;
  readonly tsproxy: Side;
}

const LANES = 6;

const address = (lane: number, kind: number): string => `127.0.0.${10 + lane * KINDS.length + kind}`;

function server(lane: number, kind: number, name: string): string {
  const streamed = KINDS[kind] === 'streamed' ? 'proxy_request_buffering off; proxy_buffering off;' : '';
  return `
    server {
      listen ${address(lane, kind)}:%%PORT%%;
      server_name ${name};
      ${streamed}
      proxy_http_version 1.1;
      proxy_buffer_size 4k;
      proxy_ignore_client_abort on;
      proxy_set_header Host $host;
      proxy_set_header X-Server $server_name;
      proxy_set_header Connection "";
      location / { proxy_pass http://lane${lane}; }
      location /old { proxy_http_version 1.0; proxy_pass http://lane${lane}; }
      location /underscores { proxy_pass http://lane${lane}; }
      location /switch {
        proxy_set_header Host $host;
        proxy_set_header Connection upgrade;
        proxy_set_header Upgrade $http_upgrade;
        proxy_pass http://lane${lane};
      }
    }`;
}

function configuration(): string {
  const lanes = Array.from({ length: LANES }, (_, lane) => lane);
  return lanes
    .map(
      (lane) =>
        `upstream lane${lane} { server 127.0.0.1:%%BACKEND${lane}%%; keepalive 4; }` +
        KINDS.map((_, kind) => server(lane, kind, 'first') + server(lane, kind, 'second')).join(''),
    )
    .join('\n');
}

/** Starts everything; without nginx where `withNginx` is false. */
export async function startSides(withNginx: boolean): Promise<Sides> {
  const endings: (() => void | Promise<void>)[] = [];
  const recorders = async (): Promise<Recorder[]> => {
    const started = await Promise.all(Array.from({ length: LANES }, () => Recorder.start()));
    endings.push(...started.map((recorder) => () => recorder.close()));
    return started;
  };
  const replacements = (backEnds: readonly Recorder[], port: number): Record<string, number> => ({
    PORT: port,
    ...Object.fromEntries(backEnds.map((recorder, lane) => [`BACKEND${lane}`, recorder.port])),
  });
  const sides = (
    name: Side['name'],
    backEnds: readonly Recorder[],
    portOf: (host: string) => number,
  ): readonly Side[] =>
    backEnds.map((recorder, lane) => {
      const target = (kind: number): Target => ({ host: address(lane, kind), port: portOf(`${address(lane, kind)}:`) });
      const pause = name === 'nginx' ? 1 : 0;
      return { name, recorder, pause, targets: { buffered: target(0), streamed: target(1) } };
    });

  const ours = await recorders();
  const proxy = await startProxy(configuration(), replacements(ours, 0));
  endings.push(() => proxy.close());
  const tsproxy = sides('tsproxy', ours, (host) => proxy.portOf(host));
  let nginx: readonly Side[] = [];
  if (withNginx) {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-framing-'));
    endings.push(() => rmSync(directory, { recursive: true, force: true }));
    const theirs = await recorders();
    const port = await closedPort();
    const text = complete(configuration(), replacements(theirs, port));
    const child = await startNginx(directory, text, { host: address(0, 0), port });
    endings.push(() => stopNginx(child));
    nginx = sides('nginx', theirs, () => port);
  }
  return new Sides(
    tsproxy.map((side, lane) => ({ tsproxy: side, nginx: nginx[lane] ?? null })),
    endings,
  );
}

export class Sides {
  private readonly waiting: ((lane: Lane) => void)[] = [];

  constructor(
    private readonly free: Lane[],
    private readonly endings: readonly (() => void | Promise<void>)[],
  ) {}

  /** Runs a case in a lane that is free, or as soon as one is. */
  async inLane<T>(run: (lane: Lane) => Promise<T>): Promise<T> {
    const lane = this.free.pop() ?? (await new Promise<Lane>((resolve) => this.waiting.push(resolve)));
    try {
      return await run(lane);
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.free.push(lane);
      else next(lane);
    }
  }

  async close(): Promise<void> {
    for (const end of [...this.endings].reverse()) await end();
  }
}

/** Ways to write the same bytes. */
export type Way = 'whole' | 'lines' | 'pieces' | 'bytes';

/** The pieces in which bytes are written. */
export function pieces(bytes: string, way: Way): string[] {
  if (way === 'whole') return [bytes];
  if (way !== 'lines') {
    const size = Math.ceil(bytes.length / (way === 'bytes' ? 400 : 11));
    return bytes.match(new RegExp(`[\\s\\S]{1,${Math.max(1, size)}}`, 'g')) ?? [];
  }
  // Cut in front of and behind every CR and LF, at most forty times.
  const all = bytes.split(/(?<=[\r\n])|(?=[\r\n])/);
  return all.length <= 40 ? all : [...all.slice(0, 39), all.slice(39).join('')];
}

/** Writes the pieces so that the proxy reads each by itself. */
export async function writePieces(
  write: (piece: string) => void,
  parts: readonly string[],
  pause: number,
): Promise<void> {
  for (const [i, part] of parts.entries()) {
    if (i > 0) await (pause > 0 ? after(pause) : turn().then(() => turn()));
    write(part);
  }
}

/** Opens a connection to a side and gives it to `use`. */
export async function connected<T>(side: Side, kind: Kind, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await connect(side.targets[kind]);
  connection.socket.on('error', () => {});
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}
