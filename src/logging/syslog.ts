/** Sends lines to a syslog server (RFC 3164), as in nginx: in UDP datagrams, or with `LocalSyslog`. */
import type { Socket } from 'node:dgram';
import { LEVELS, type Level } from '../config/log-level.js';
import type { SyslogData } from '../config/syslog-argument.js';
import { errnoText } from '../diagnostics/errno.js';
import { syslogTime } from '../http/clock.js';
import type { ErrorLog } from './error-log.js';
import { LocalSyslog } from './local-syslog.js';
import { WriteFailures } from './write-failures.js';

/** Maximum number of datagrams waiting for name resolution; further ones are dropped. */
const MAX_WAITING = 1000;
/** Maximum bytes of datagrams waiting in the socket; further ones are dropped. */
const MAX_QUEUED = 1 << 20;
/** Time after a socket failure in which no new socket is created, ms. */
const RETRY_INTERVAL = 1000;
/** Maximum length of an nginx message without its header, bytes. */
const MAX_MESSAGE = 2048;

// Modules that few logs need are loaded on demand.
const { getBuiltinModule } = process;
let machine: string | null = null;

/** Host name of this machine. */
function machineName(): string {
  machine ??= getBuiltinModule('node:os').hostname().toLowerCase();
  return machine;
}

/**
 * A syslog server. If it is configured by address, datagrams are sent immediately; nothing waits for them, and
 * undeliverable ones are lost, which is logged at intervals.
 */
export class Syslog {
  private readonly local: LocalSyslog | null;
  private socket: Socket | null = null;
  private waiting: Buffer[] | null = null;
  private readonly failures: WriteFailures;
  /** Set while sending: a failure message that is itself logged here must not cause another one. */
  private busy = false;
  private closed = false;
  private suspendedUntil = 0;

  constructor(
    private readonly data: SyslogData,
    /** Log for connection failures. */
    private readonly errorLog: ErrorLog,
  ) {
    this.failures = new WriteFailures(`syslog server ${data.server}`);
    this.local =
      data.path === null
        ? null
        : new LocalSyslog(data, {
            failed: (error) => this.failed('connect() failed', error),
            dropped: () => this.failures.drop(),
            sending: () => this.sending(),
          });
  }

  /** Sends a line of an access log, without its line break. */
  send(line: string): void {
    this.post(this.data.severity, line);
  }

  /** Sends a line of an error log, without its line break. */
  sendLevel(level: Level, line: string): void {
    this.post(LEVELS.indexOf(level), line.slice(0, MAX_MESSAGE));
  }

  /** Closes the socket; further lines are lost. */
  close(): void {
    this.closed = true;
    this.local?.close();
    this.drop();
  }

  /** Sends a message. Never throws: callers are requests and exception handlers. */
  private post(severity: number, line: string): void {
    if (this.busy || this.closed) return;
    const priority = this.data.facility * 8 + severity;
    try {
      if (this.local !== null) this.local.send(priority, line);
      else this.postDatagram(priority, line);
    } catch (error) {
      this.suspend();
      this.failed('send() failed', error);
    }
  }

  private postDatagram(priority: number, line: string): void {
    const { tag, hostname: named } = this.data;
    if (this.socket === null) {
      if (performance.now() >= this.suspendedUntil) this.open();
      // A failed bind has been reported by an event.
      if (this.socket === null) {
        this.failures.drop();
        return;
      }
    }
    const head = `<${priority}>${syslogTime()} ${named ? `${machineName()} ` : ''}${tag}: `;
    const datagram = Buffer.from(head + line, 'latin1');
    if (this.waiting === null) this.transmit(datagram);
    else if (this.waiting.length < MAX_WAITING) this.waiting.push(datagram);
    else this.failures.drop();
  }

  private transmit(datagram: Buffer): void {
    const { socket } = this;
    if (socket === null || socket.getSendQueueSize() > MAX_QUEUED) {
      this.failures.drop();
      return;
    }
    try {
      socket.send(datagram, (error) => {
        if (error !== null) this.failed('send() failed', error);
        else if (this.failures.lost > 0) this.sending();
      });
    } catch (error) {
      // Not connected: the reason is reported by an event.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_CONNECTED') throw error;
      this.failures.drop();
    }
  }

  /** Lines are accepted again. */
  private sending(): void {
    if (this.closed) return;
    const loss = this.failures.report(`the syslog server ${this.data.server}`);
    if (loss !== null) this.errorLog.write('warn', loss);
  }

  private open(): void {
    const { host, port } = this.data;
    const family = getBuiltinModule('node:net').isIP(host);
    const socket = getBuiltinModule('node:dgram').createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      lookup: (name, _options, found) => {
        if (family === 0) getBuiltinModule('node:dns').lookup(name, { family: 4 }, found);
        // No lookup is needed, so the socket can be used immediately, even just before the process exits.
        else found(null, name, family);
      },
    });
    this.socket = socket;
    socket.unref();
    // Also emitted for ICMP errors, such as no listener on the port.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const connecting = this.waiting !== null || error.syscall === 'bind';
      if (connecting) this.suspend();
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

  /** Drops the socket; a message after the pause creates a new one. */
  private suspend(): void {
    this.failures.drop(this.waiting?.length ?? 0);
    this.suspendedUntil = performance.now() + RETRY_INTERVAL;
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
