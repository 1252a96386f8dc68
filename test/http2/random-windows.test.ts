/** Responses to a client whose windows, settings and resets are random: each is complete, in order, and within its windows. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { ErrorCode } from '../../src/http2/error-codes.js';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { DEFAULT_WINDOW, Flag, FrameType, PREFACE } from '../../src/http2/frame-types.js';
import { Setting } from '../../src/http2/settings.js';
import { answeringBackend, reply, startProxy, until } from '../kit/index.js';
import { EventRecord, frame, settingsFrame, uint32 } from './frames.js';
import { headersFrame } from './raw-client.js';

const TEXT = Array.from({ length: 10_000 }, (_, i) => `${String(i).padStart(9, '0')}\n`).join('');
const PATHS = ['/file', '/proxied', '/unbuffered', '/small-buffers', '/filtered'];
const STREAMS = 25;

interface Stream {
  window: number;
  body: string;
  ended: boolean;
  canceled: boolean;
}

/** Counts windows, and collects bodies. */
class Responses extends EventRecord {
  readonly streams = new Map<number, Stream>();
  window = DEFAULT_WINDOW;
  readonly violations: string[] = [];
  onAcknowledged: () => void = () => {};

  override onHeaders(): void {}
  override onData(id: number, bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    this.window -= counted;
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    stream.window -= counted;
    if (counted > 0 && (this.window < 0 || stream.window < 0)) this.violations.push(`stream ${id} exceeds a window`);
    if (stream.ended) this.violations.push(`DATA after the end of stream ${id}`);
    stream.body += bytes.latin1Slice(start, end);
    stream.ended = ended;
  }
  override onReset(id: number, code: number): void {
    if (this.streams.get(id)?.canceled !== true) this.violations.push(`stream ${id} was reset with ${code}`);
  }
  override onGoaway(_last: number, code: number): void {
    this.violations.push(`GOAWAY with ${code}`);
  }
  override onSettingsAck(): void {
    this.onAcknowledged();
    this.onAcknowledged = () => {};
  }

  get open(): [number, Stream][] {
    return [...this.streams].filter(([, { ended, canceled }]) => !ended && !canceled);
  }
}

test('responses are complete and in order, whatever a client does with its windows', async (t) => {
  const backend = await answeringBackend(() => reply(TEXT));
  t.after(() => backend.close());
  const proxy = await startProxy(
    `http2 on; server { listen 127.0.0.1:0; root %%DIR%%;
      location /proxied { proxy_pass http://127.0.0.1:%%BACK%%; }
      location /unbuffered { proxy_buffering off; proxy_pass http://127.0.0.1:%%BACK%%; }
      location /small-buffers {
        proxy_buffers 2 4k; proxy_buffer_size 4k; proxy_busy_buffers_size 4k; proxy_max_temp_file_size 0;
        proxy_pass http://127.0.0.1:%%BACK%%;
      }
      location /filtered { sub_filter none other; sub_filter_types *; try_files /file =404; } }`,
    { BACK: backend.port },
    { files: { file: TEXT } },
  );
  t.after(() => proxy.close());
  let state = 7;
  // A linear congruential generator: each run is the same, but for the arrival of frames.
  const below = (n: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * n);
  };
  for (let run = 0; run < 2; run++) {
    const responses = new Responses();
    const reader = new FrameReader(responses, { peer: 'upstream', preface: false, maxBlock: 65536 });
    const socket = net.connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    t.after(() => socket.destroy());
    let isClosed = false;
    socket.on('data', (bytes) => void reader.feed(bytes, 0, bytes.length));
    socket.on('error', () => {});
    socket.on('close', () => (isClosed = true));
    socket.write(
      Buffer.concat([Buffer.from(PREFACE, 'latin1'), settingsFrame([]), frame(FrameType.Settings, Flag.Ack, 0)]),
    );
    // The SETTINGS above.
    await new Promise<void>((resolve) => (responses.onAcknowledged = resolve));
    let initial = DEFAULT_WINDOW;
    let settingsSent = false;
    for (let i = 0; i < STREAMS; i++) {
      const id = i * 2 + 1;
      responses.streams.set(id, { window: initial, body: '', ended: false, canceled: false });
      const path = PATHS[i % PATHS.length] as string;
      const pseudo = { ':method': 'GET', ':scheme': 'http', ':path': path, ':authority': 'localhost' };
      socket.write(headersFrame(id, Object.entries(pseudo)));
    }
    const act = (): void => {
      const { open } = responses;
      const [id, stream] = open[below(open.length)] ?? [0, null];
      if (stream === null) return;
      const kind = below(100);
      if (kind === 0 && !settingsSent) {
        const value = below(80_000);
        const difference = value - initial;
        const apply = () => {
          for (const each of responses.streams.values()) each.window += difference;
          initial = value;
        };
        // A smaller window applies from the acknowledgment.
        if (difference > 0) apply();
        settingsSent = true;
        responses.onAcknowledged = () => {
          if (difference <= 0) apply();
          settingsSent = false;
        };
        socket.write(settingsFrame([[Setting.InitialWindowSize, value]]));
      } else if (kind === 1 && below(5) === 0) {
        stream.canceled = true;
        socket.write(frame(FrameType.RstStream, 0, id, uint32(ErrorCode.Cancel)));
      } else {
        const ofStream = 1 + below(below(2) === 0 ? 10 : 40_000);
        const ofConnection = 1 + below(40_000);
        stream.window += ofStream;
        responses.window += ofConnection;
        const updates: readonly (readonly [number, number])[] = [
          [id, ofStream],
          [0, ofConnection],
        ];
        socket.write(Buffer.concat(updates.map(([to, by]) => frame(FrameType.WindowUpdate, 0, to, uint32(by)))));
      }
    };
    await until('all responses have ended', () => {
      for (let i = 0; i < 20; i++) act();
      return responses.open.length === 0 || isClosed || responses.violations.length > 0;
    });
    assert.deepEqual(responses.violations, []);
    for (const [id, { body, canceled }] of responses.streams) {
      if (!canceled) assert.ok(body === TEXT, `stream ${id}: ${body.length} bytes`);
    }
    socket.destroy();
  }
});
