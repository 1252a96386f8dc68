/** Lines to a syslog server (RFC 3164), as nginx sends them: in datagrams over UDP, or by way of `LocalSyslog`. */
import type { Socket } from 'node:dgram';
import type { SyslogData } from '../config/syslog-argument.js';
import { errnoText } from '../diagnostics/errno.js';
import { syslogTime } from './clock.js';
import { type ErrorLog, LEVELS, type Level } from './error-log.js';
import { LocalSyslog } from './local-syslog.js';
import { WriteFailures } from './write-failures.js';

/** Datagrams that wait for the server's name to be resolved; further ones are dropped. */
const WAITING_MAX = 1000;
/** Bytes of datagrams that wait for the system; further ones are dropped. */
const QUEUE_MAX = 1 << 20;
/** ms after a socket could not be used in which no other is made. */
const REST = 1000;
/** Bytes of a message that nginx sends at most, without its header. */
const LONGEST = 2048;

/** What few logs need is loaded when one does. */
const { getBuiltinModule } = process;
let machine: string | null = null;

/** The name of this machine. */
function machineName(): string {
  machine ??= getBuiltinModule('node:os').hostname().toLowerCase();
  return machine;
}

/**
 * One syslog server. A datagram leaves at once, where the server is given by its address; nobody waits for it, and what
 * cannot be sent is lost. That is said once in a while.
 */
export class Syslog {
  private readonly local: LocalSyslog | null;
  private socket: Socket | null = null;
  private waiting: Buffer[] | null = null;
  private readonly failures = new WriteFailures();
  /** A message about a failure that is itself logged here must not lead to another. */
  private busy = false;
  private closed = false;
  private restUntil = 0;

  constructor(
    private readonly data: SyslogData,
    /** Told that the server cannot be reached. */
    private readonly errorLog: ErrorLog,
  ) {
    this.local =
      data.path === null
        ? null
        : new LocalSyslog(data, {
            failed: (error) => this.failed('connect() failed', error),
            dropped: () => void this.failures.lost++,
            sending: () => this.sending(),
          });
  }

  /** Sends a line of an access log, without its line break. */
  send(line: string): void {
    this.post(this.data.severity, line);
  }

  /** Sends a line of an error log, without its line break. */
  sendLevel(level: Level, line: string): void {
    this.post(LEVELS.indexOf(level), line.slice(0, LONGEST));
  }

  /** What is sent from here on is lost. */
  close(): void {
    this.closed = true;
    this.local?.close();
    this.drop();
  }

  /** Never throws: a request, or the handler of an exception, has a line to log. */
  private post(severity: number, line: string): void {
    if (this.busy || this.closed) return;
    const priority = this.data.facility * 8 + severity;
    try {
      if (this.local !== null) this.local.send(priority, line);
      else this.postDatagram(priority, line);
    } catch (error) {
      this.rest();
      this.failed('send() failed', error);
    }
  }

  private postDatagram(priority: number, line: string): void {
    const { tag, hostname: named } = this.data;
    if (this.socket === null) {
      if (performance.now() >= this.restUntil) this.open();
      // Where it could not be bound, that was an event already.
      if (this.socket === null) {
        this.failures.lost++;
        return;
      }
    }
    const head = `<${priority}>${syslogTime()} ${named ? `${machineName()} ` : ''}${tag}: `;
    const datagram = Buffer.from(head + line, 'latin1');
    if (this.waiting === null) this.transmit(datagram);
    else if (this.waiting.length < WAITING_MAX) this.waiting.push(datagram);
    else this.failures.lost++;
  }

  private transmit(datagram: Buffer): void {
    const { socket } = this;
    if (socket === null || socket.getSendQueueSize() > QUEUE_MAX) {
      this.failures.lost++;
      return;
    }
    try {
      socket.send(datagram, (error) => {
        if (error !== null) this.failed('send() failed', error);
        else if (this.failures.lost > 0) this.sending();
      });
    } catch (error) {
      // Not connected: the reason comes as an event of its own.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_CONNECTED') throw error;
      this.failures.lost++;
    }
  }

  /** Lines are taken again. */
  private sending(): void {
    if (this.closed) return;
    const loss = this.failures.report(`the syslog server ${this.data.server}`);
    if (loss !== null) this.errorLog.write('alert', loss);
  }

  private open(): void {
    const { host, port } = this.data;
    const family = getBuiltinModule('node:net').isIP(host);
    const socket = getBuiltinModule('node:dgram').createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      lookup: (name, _options, found) => {
        if (family === 0) getBuiltinModule('node:dns').lookup(name, { family: 4 }, found);
        // Nothing is to be looked up, and the socket can be used at once: also right before the end of the process.
        else found(null, name, family);
      },
    });
    this.socket = socket;
    socket.unref();
    // Also for what the server's machine answers: that nobody listens at the port.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const connecting = this.waiting !== null || error.syscall === 'bind';
      if (connecting) this.rest();
      this.failed(connecting ? 'connect() failed' : 'send() failed', error);
    });
    if (family === 0) {
      this.waiting = [];
      socket.once('connect', () => this.connected());
    }
    socket.connect(port, host);
  }

  private connected(): void {
    const waiting = this.waiting ?? [];
    this.waiting = null;
    for (const datagram of waiting) this.transmit(datagram);
  }

  private failed(what: string, error: unknown): void {
    if (this.closed || !this.failures.note(error)) return;
    this.busy = true;
    this.errorLog.write('error', `${what} (${errnoText(error)}) while logging to syslog, server: ${this.data.server}`);
    this.busy = false;
  }

  /** A message after a while makes a new socket. */
  private rest(): void {
    this.failures.lost += this.waiting?.length ?? 0;
    this.restUntil = performance.now() + REST;
    this.drop();
  }

  private drop(): void {
    const { socket } = this;
    this.socket = null;
    this.waiting = null;
    socket?.removeAllListeners();
    socket?.on('error', () => {});
    socket?.close();
  }
}
