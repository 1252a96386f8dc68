/** One end of an HTTP/2 connection made of the reader, the writer, HPACK and the windows, for tests against other implementations. */
import assert from 'node:assert/strict';
import { ReceiveWindow, SendWindow } from '../../src/http2/flow-window.js';
import type { FrameListener } from '../../src/http2/frame-listener.js';
import { FrameReader } from '../../src/http2/frame-reader.js';
import { DEFAULT_WINDOW, PREFACE } from '../../src/http2/frame-types.js';
import { FrameWriter } from '../../src/http2/frame-writer.js';
import { DECODED, HpackDecoder } from '../../src/http2/hpack/decoder.js';
import { HpackEncoder } from '../../src/http2/hpack/encoder.js';
import { PeerSettings, Setting } from '../../src/http2/settings.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';

export type Fields = readonly (readonly [name: string, value: string])[];

/** A message as it was received, or is to be sent. */
export interface Message {
  readonly fields: Fields;
  readonly body: string;
  readonly trailers: Fields;
}

interface Incoming {
  fields: Fields;
  body: string;
  window: ReceiveWindow;
}

interface Outgoing {
  window: SendWindow;
  body: string;
  trailers: Fields;
}

const STREAM_WINDOW = 20_000;

export class Http2Endpoint implements TransportOwner, FrameListener {
  /** Called with each complete message. */
  onMessage: (stream: number, message: Message) => void = () => {};
  /** Called when the connection fails or ends. */
  onFailure: (reason: string) => void = () => {};
  readonly settings: PeerSettings;
  private readonly reader: FrameReader;
  private readonly decoder: HpackDecoder;
  private readonly encoder = new HpackEncoder();
  private readonly sendWindow = new SendWindow(DEFAULT_WINDOW);
  private readonly window = new ReceiveWindow(DEFAULT_WINDOW);
  private readonly incoming = new Map<number, Incoming>();
  private readonly outgoing = new Map<number, Outgoing>();
  private transport: Transport | null = null;
  private output: FrameWriter | null = null;

  /** `peer`: the other end. */
  constructor(private readonly peer: 'client' | 'upstream') {
    const options = { peer, preface: peer === 'client', maxBlock: 100_000 };
    this.reader = new FrameReader(this, options);
    this.decoder = new HpackDecoder(peer);
    this.settings = new PeerSettings(peer);
  }

  /** Begins; the transport's owner is this. */
  start(transport: Transport): void {
    this.transport = transport;
    this.output = new FrameWriter(transport);
    if (this.peer === 'upstream') this.writer.text(PREFACE);
    this.writer.settings(
      [
        [Setting.EnablePush, 0],
        [Setting.InitialWindowSize, STREAM_WINDOW],
      ].slice(this.peer === 'client' ? 1 : 0) as [number, number][],
    );
  }

  get writer(): FrameWriter {
    assert.ok(this.output !== null);
    return this.output;
  }

  /** Sends a message; its body as the windows permit. */
  send(stream: number, { fields, body, trailers }: Message): void {
    const ended = body === '' && trailers.length === 0;
    this.headers(stream, fields, ended);
    if (ended) return;
    this.outgoing.set(stream, { window: new SendWindow(this.settings.initialWindow), body, trailers });
    this.pump(stream);
  }

  private headers(stream: number, fields: Fields, ended: boolean): void {
    const { encoder } = this;
    encoder.begin();
    for (const [name, value] of fields) {
      if (name === ':status') encoder.status(Number(value));
      else encoder.field(name, value);
    }
    this.writer.headers(stream, encoder.block, 0, encoder.length, ended);
  }

  private pump(stream: number): void {
    const out = this.outgoing.get(stream);
    if (out === undefined) return;
    const count = Math.max(0, Math.min(out.body.length, out.window.available, this.sendWindow.available));
    const rest = out.body.slice(count);
    const ended = rest === '' && out.trailers.length === 0;
    if (count > 0 || ended) {
      out.window.take(count);
      this.sendWindow.take(count);
      // Both forms of DATA.
      if (count % 2 === 0) this.writer.dataText(stream, out.body, 0, count, ended);
      else this.writer.data(stream, Buffer.from(out.body, 'latin1'), 0, count, ended);
    }
    out.body = rest;
    if (rest !== '') return;
    this.outgoing.delete(stream);
    if (!ended) this.headers(stream, out.trailers, true);
  }

  onHeaders(stream: number, block: Buffer, start: number, end: number, ended: boolean): void {
    const fields: [string, string][] = [];
    const result = this.decoder.decode(block, start, end, { field: (name, value) => fields.push([name, value]) });
    if (result !== DECODED) {
      this.onFailure(this.decoder.reason);
      return;
    }
    const message = this.incoming.get(stream);
    if (message !== undefined) this.complete(stream, message, fields);
    else {
      const begun = { fields, body: '', window: new ReceiveWindow(STREAM_WINDOW) };
      if (ended) this.complete(stream, begun, []);
      else this.incoming.set(stream, begun);
    }
  }

  onData(stream: number, bytes: Buffer, start: number, end: number, counted: number, ended: boolean): void {
    const message = this.incoming.get(stream);
    assert.ok(message !== undefined);
    assert.ok(this.window.receive(counted) && message.window.receive(counted), 'flow control');
    message.body += bytes.latin1Slice(start, end);
    const increment = this.window.consume(counted);
    if (increment > 0) this.writer.windowUpdate(0, increment);
    if (ended) this.complete(stream, message, []);
    else {
      const ofStream = message.window.consume(counted);
      if (ofStream > 0) this.writer.windowUpdate(stream, ofStream);
    }
  }

  private complete(stream: number, { fields, body }: Incoming, trailers: Fields): void {
    this.incoming.delete(stream);
    this.onMessage(stream, { fields, body, trailers });
  }

  onSetting(id: number, value: number): void {
    const before = this.settings.initialWindow;
    assert.equal(this.settings.apply(id, value), 0, this.settings.reason);
    for (const { window } of this.outgoing.values()) assert.ok(window.add(this.settings.initialWindow - before));
  }
  onSettings(): void {
    this.writer.maxFrameSize = this.settings.maxFrameSize;
    this.encoder.setMaxTable(this.settings.headerTableSize);
    this.writer.settingsAck();
    for (const stream of this.outgoing.keys()) this.pump(stream);
  }
  onSettingsAck(): void {}
  onPing(high: number, low: number): void {
    this.writer.pingAck(high, low);
  }
  onPingAck(): void {}
  onWindowUpdate(stream: number, increment: number): void {
    const window = stream === 0 ? this.sendWindow : this.outgoing.get(stream)?.window;
    if (window !== undefined && !window.add(increment)) this.onFailure('window overflow');
    for (const each of stream === 0 ? this.outgoing.keys() : [stream]) this.pump(each);
  }
  onReset(stream: number, code: number): void {
    this.onFailure(`stream ${stream} was reset with code ${code}`);
  }
  onGoaway(_last: number, code: number, debug: string): void {
    if (code !== 0) this.onFailure(`GOAWAY with code ${code} ${debug}`);
  }
  onStreamError(_stream: number, _code: number, reason: string): void {
    this.onFailure(reason);
  }
  onConnectionError(_code: number, reason: string): void {
    this.onFailure(reason);
  }

  onConnected(): void {}
  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.reader.feed(bytes, 0, length);
  }
  onEnd(): void {
    this.transport?.end();
  }
  onDrain(): void {}
  onClosed(_transport: Transport, error: NodeJS.ErrnoException | null): void {
    if (error !== null) this.onFailure(error.message);
  }
}
