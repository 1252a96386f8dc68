/**
 * Questions of a worker that are answered before its thread continues, on a socket of their own between it and the master:
 * scripts use shared dictionaries synchronously. Messages are framed by their length and serialized as by structured clone.
 */
import { readSync, writeSync } from 'node:fs';
import net from 'node:net';
import { deserialize, serialize } from 'node:v8';
import { ZoneUnavailable } from './zone.js';

/** Bytes before each message: its length, 32 bits, big-endian, and the number of the question, likewise. */
const PREFIX = 8;
const READ_SIZE = 65_536;
/** Attempts without a pause while no answer has arrived: it usually takes some ten microseconds. */
const SPINS = 20;
/** ms of the pauses that follow, each twice as long as the one before, up to the limit. */
const FIRST_PAUSE = 0.02;
const MAX_PAUSE = 2;

function frame(number: number, message: unknown): Buffer {
  const body = serialize(message);
  const framed = Buffer.allocUnsafe(PREFIX + body.length);
  framed.writeUInt32BE(body.length, 0);
  framed.writeUInt32BE(number, 4);
  body.copy(framed, PREFIX);
  return framed;
}

/** Splits a byte stream into messages. */
class Frames {
  private chunks: Buffer[] = [];
  private size = 0;

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
  }

  /** The next message; null: it has not arrived completely. */
  next(): { readonly number: number; readonly message: unknown } | null {
    if (this.size < PREFIX) return null;
    let [first = Buffer.alloc(0)] = this.chunks;
    if (first.length < PREFIX) first = this.join();
    const length = PREFIX + first.readUInt32BE(0);
    if (this.size < length) return null;
    const all = this.chunks.length === 1 ? first : this.join();
    const rest = all.subarray(length);
    this.chunks = rest.length === 0 ? [] : [rest];
    this.size = rest.length;
    return { number: all.readUInt32BE(4), message: deserialize(all.subarray(PREFIX, length)) };
  }

  private join(): Buffer {
    const joined = Buffer.concat(this.chunks, this.size);
    this.chunks = [joined];
    return joined;
  }
}

/** The master's end: answers each question. */
export function answerBlocking(socket: net.Socket, answer: (question: unknown) => unknown): void {
  const frames = new Frames();
  socket.on('data', (chunk: Buffer) => {
    frames.add(chunk);
    for (let next = frames.next(); next !== null; next = frames.next()) {
      socket.write(frame(next.number, answer(next.message)));
    }
  });
  // The worker has exited, which is detected by its process handle.
  socket.on('error', () => {});
}

/** The worker's end. */
export class BlockingChannel {
  private frames = new Frames();
  private readonly buffer = Buffer.allocUnsafe(READ_SIZE);
  private opened: net.Socket | null = null;
  private lastNumber = 0;
  private gone = false;

  constructor(private readonly fd: number) {}

  /** Returns the answer. Throws ZoneUnavailable after `timeout` ms, or if the master is gone. */
  ask(question: unknown, timeout: number): unknown {
    // Sets the descriptor to non-blocking mode, so that there can be a timeout. Nothing is read through it.
    this.opened ??= new net.Socket({ fd: this.fd, readable: false, writable: true }).unref();
    const number = (this.lastNumber = (this.lastNumber + 1) >>> 0);
    const wait = new Wait(timeout);
    const bytes = frame(number, question);
    for (let at = 0; at < bytes.length; ) {
      const written = this.attempt(() => writeSync(this.fd, bytes, at));
      if (written !== null) at += written;
      // After a partial write the stream is unusable: the rest would be read as part of the next question.
      else if (!wait.pause()) this.fail(at > 0);
    }
    for (;;) {
      const next = this.frames.next();
      // Answers to questions that have timed out are ignored.
      if (next?.number === number) return next.message;
      if (next !== null) continue;
      const size = this.attempt(() => readSync(this.fd, this.buffer));
      if (size === 0) this.fail(true);
      else if (size !== null) this.frames.add(Buffer.from(this.buffer.subarray(0, size)));
      else if (!wait.pause()) this.fail(false);
    }
  }

  /** Executes a system call; null: it would block. */
  private attempt(call: () => number): number | null {
    if (this.gone) throw new ZoneUnavailable('the master process is gone');
    try {
      return call();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EAGAIN') return null;
      return this.fail(true);
    }
  }

  private fail(gone: boolean): never {
    this.gone ||= gone;
    throw new ZoneUnavailable(gone ? 'the master process is gone' : 'the master process does not answer');
  }
}

const SLEEPER = new Int32Array(new SharedArrayBuffer(4));

/** Waits for an answer. */
class Wait {
  private readonly until: number;
  private attempts = 0;
  private next = FIRST_PAUSE;

  constructor(timeout: number) {
    this.until = performance.now() + timeout;
  }

  /** Pauses the thread; returns false when the timeout has expired. */
  pause(): boolean {
    if (++this.attempts <= SPINS) return true;
    if (performance.now() > this.until) return false;
    Atomics.wait(SLEEPER, 0, 0, this.next);
    this.next = Math.min(this.next * 2, MAX_PAUSE);
    return true;
  }
}
