/** The contract of upstream sessions for HTTP/1, and for a protocol with concurrent streams. */

import { ChunkedDecoder } from '../../src/http1/chunked.js';
import { Http1UpstreamSession } from '../../src/http1/upstream-session.js';
import { Http2UpstreamSession } from '../../src/http2/upstream-session.js';
import type { Transport, TransportOwner } from '../../src/net/transport.js';
import { Http2Server } from './http2-server.js';
import { MultiplexedServer, MultiplexedSession } from './multiplexed-session.js';
import { type ScriptedServer, sessionContract } from './session-contract.js';

/** A server of HTTP/1 whose responses are scripted: requests in one connection follow each other. */
class Http1Server implements ScriptedServer, TransportOwner {
  readonly requests: { head: string; body: Buffer; ended: boolean }[] = [];
  private text = Buffer.alloc(0);
  private decoder: ChunkedDecoder | null = null;
  private left = 0;
  private chunked = false;

  constructor(private readonly transport: Transport) {
    transport.owner = this;
  }

  head(_request: number, status: number, fields: Readonly<Record<string, string>>): void {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.chunked = fields['Transfer-Encoding'] === 'chunked';
    this.transport.writeText(`HTTP/1.1 ${status} reason\r\n${lines.join('')}\r\n`);
  }
  data(_request: number, bytes: Buffer): void {
    const chunk = this.chunked
      ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
      : bytes;
    this.transport.write(chunk);
  }
  end(_request: number, trailers: Readonly<Record<string, string>> = {}): void {
    const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.transport.writeText(`0\r\n${lines.join('')}\r\n`);
  }
  close(): void {
    this.transport.destroySoon();
  }

  onBytes(_transport: Transport, bytes: Buffer, length: number): void {
    this.text = Buffer.concat([this.text, bytes.subarray(0, length)]);
    for (;;) {
      const current = this.requests.at(-1);
      if (current === undefined || current.ended) {
        const end = this.text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = this.text.latin1Slice(0, end + 4);
        this.text = this.text.subarray(end + 4);
        this.left = Number(/^Content-Length: (\d+)/m.exec(head)?.[1] ?? 0);
        this.decoder = /^Transfer-Encoding: chunked/m.test(head) ? new ChunkedDecoder() : null;
        this.requests.push({ head, body: Buffer.alloc(0), ended: this.left === 0 && this.decoder === null });
      } else {
        if (this.text.length === 0) return;
        this.readBody(current);
      }
    }
  }
  private readBody(request: { body: Buffer; ended: boolean }): void {
    let end = Math.min(this.left, this.text.length);
    const add = (bytes: Buffer): void => {
      request.body = Buffer.concat([request.body, bytes]);
    };
    if (this.decoder === null) {
      add(this.text.subarray(0, end));
      this.left -= end;
      request.ended = this.left === 0;
    } else {
      end = this.decoder.decode(this.text, 0, this.text.length, {
        chunkData: (bytes, from, to) => add(bytes.subarray(from, to)),
      });
      request.ended = this.decoder.done;
    }
    this.text = this.text.subarray(end);
  }
  onEnd(): void {
    this.transport.destroy();
  }
  onDrain(): void {}
  onClosed(): void {}
  onConnected(): void {}
}

sessionContract({
  name: 'HTTP/1',
  concurrent: false,
  open: Http1UpstreamSession.open,
  unknownLength: { 'Transfer-Encoding': 'chunked' },
  serve: (transport) => new Http1Server(transport),
});
sessionContract({
  name: 'concurrent streams',
  concurrent: true,
  open: MultiplexedSession.openSession,
  unknownLength: {},
  serve: (transport) => new MultiplexedServer(transport),
});
sessionContract({
  name: 'HTTP/2',
  concurrent: true,
  open: Http2UpstreamSession.open,
  unknownLength: {},
  serve: (transport) => new Http2Server(transport),
});
sessionContract({
  name: 'HTTP/2 with one stream at a time',
  concurrent: false,
  open: Http2UpstreamSession.open,
  unknownLength: {},
  serve: (transport) => new Http2Server(transport),
});
