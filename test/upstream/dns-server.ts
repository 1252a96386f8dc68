/** A name server on UDP and TCP (RFC 1035), for tests: answers A, AAAA and SRV questions from a table. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';

const A = 1;
const CNAME = 5;
const SRV = 33;
const AAAA = 28;
const DNAME = 39;

/** Records of a name. `ttl` in seconds; 60 unless given. */
export interface Zone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly cname?: string;
  /** Owner and target. */
  readonly dname?: readonly [string, string];
  readonly srv?: readonly {
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  }[];
  readonly ttl?: number;
  /** The response code to give instead (2: server failure). */
  readonly code?: number;
  /** Response codes by question. */
  readonly codes?: Readonly<Record<string, number>>;
  /** Whether responses over UDP are truncated. */
  readonly truncate?: boolean;
}

/** The table may be changed while the server runs. A name that is not in it does not exist. */
export class DnsServer {
  readonly names = new Map<string, Zone>();
  /** `A name` for each question, in the order received; `TCP A name` over TCP. */
  readonly asked: string[] = [];
  /** `question`, with the response and the address of the client, for each question over UDP. */
  readonly events = new EventEmitter<{ question: [Buffer, RemoteInfo] }>();
  /** Answers nothing while true. */
  silent = false;
  /** Whether TCP connections are closed by a question. */
  resetsTcp = false;
  /** Questions that are not answered, nor listed in `asked`. */
  ignores: (type: string) => boolean = () => false;
  /** Called before a response over UDP is sent, with a function that sends a message to the client. */
  before: ((response: Buffer, send: (message: Buffer) => void) => unknown) | null = null;
  private readonly connections = new Set<TcpSocket>();

  private constructor(
    private readonly socket: Socket,
    private readonly tcp: Server,
    readonly port: number,
  ) {
    socket.on('message', (message, from) => this.overUdp(message, from));
    tcp.on('connection', (connection) => this.overTcp(connection));
  }

  static async start(names: Readonly<Record<string, Zone>> = {}): Promise<DnsServer> {
    for (;;) {
      const socket = createSocket('udp4');
      await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
      const { port } = socket.address();
      const tcp = createServer();
      const free = await new Promise((resolve) => {
        tcp.once('error', () => resolve(false));
        tcp.listen(port, '127.0.0.1', () => resolve(true));
      });
      if (!free) {
        socket.close();
        continue;
      }
      const server = new DnsServer(socket, tcp, port);
      for (const [name, zone] of Object.entries(names)) server.names.set(name, zone);
      return server;
    }
  }

  async close(): Promise<void> {
    for (const connection of this.connections) connection.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.socket.close(() => resolve())),
      new Promise((resolve) => this.tcp.close(resolve)),
    ]);
  }

  /** Sends a message from the port of the server. */
  send(message: Buffer, to: { port: number; address: string }): Promise<void> {
    return new Promise((resolve) => this.socket.send(message, to.port, to.address, () => resolve()));
  }

  private overUdp(message: Buffer, from: RemoteInfo): void {
    const response = this.respond(message, false);
    if (response === null) return;
    this.events.emit('question', response, from);
    if (this.silent) return;
    this.before?.(response, (other) => void this.send(other, from));
    void this.send(response, from);
  }

  private overTcp(connection: TcpSocket): void {
    this.connections.add(connection);
    connection.on('error', () => undefined);
    connection.on('close', () => this.connections.delete(connection));
    let bytes = Buffer.alloc(0);
    connection.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
        const end = 2 + bytes.readUInt16BE(0);
        const response = this.respond(bytes.subarray(2, end), true);
        bytes = bytes.subarray(end);
        if (this.resetsTcp) connection.destroy();
        if (response === null || this.resetsTcp) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(response.length);
        // In two segments: a client must wait for the rest.
        connection.write(Buffer.concat([length, response.subarray(0, 20)]));
        setImmediate(() => connection.write(response.subarray(20)));
      }
    });
  }

  private respond(message: Buffer, overTcp: boolean): Buffer | null {
    const labels: string[] = [];
    let at = 12;
    for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = message.readUInt16BE(at + 1);
    const text = type === A ? 'A' : type === AAAA ? 'AAAA' : 'SRV';
    if (this.ignores(text)) return null;
    const name = labels.join('.').toLowerCase();
    this.asked.push(`${overTcp ? 'TCP ' : ''}${text} ${name}`);
    const zone = this.names.get(name);
    const truncated = zone?.truncate === true && !overTcp;
    const code = zone === undefined ? 3 : (zone.codes?.[text] ?? zone.code ?? 0);
    const records = zone === undefined || code !== 0 || truncated ? [] : recordsOf(zone, type);
    const head = Buffer.alloc(12);
    message.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8580 | (truncated ? 0x0200 : 0) | code, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    return Buffer.concat([head, message.subarray(12, at + 5), ...records]);
  }
}

/** A pointer to the name in the question. */
const POINTER = Buffer.from([0xc0, 0x0c]);

function recordsOf(zone: Zone, type: number): Buffer[] {
  const { cname, dname, ttl = 60 } = zone;
  return [
    ...(dname === undefined ? [] : [record(nameOf(dname[0]), DNAME, ttl, nameOf(dname[1]))]),
    ...(cname === undefined ? [] : [record(POINTER, CNAME, ttl, nameOf(cname))]),
    ...dataOf(zone, type).map((data) => record(POINTER, type, ttl, data)),
  ];
}

function dataOf({ a = [], aaaa = [], srv = [] }: Zone, type: number): Buffer[] {
  if (type === A) return a.map((address) => Buffer.from(address.split('.').map(Number)));
  if (type === AAAA) return aaaa.map(fullIpv6);
  return type === SRV ? srv.map(service) : [];
}

function record(owner: Buffer, type: number, ttl: number, data: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(1, 2);
  head.writeUInt32BE(ttl, 4);
  head.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, head, data]);
}

/** Only addresses of eight groups. */
function fullIpv6(address: string): Buffer {
  const groups = address.split(':').map((group) => group.padStart(4, '0'));
  return Buffer.from(groups.join(''), 'hex');
}

function service({ priority, weight, port, target }: NonNullable<Zone['srv']>[number]): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(priority, 0);
  head.writeUInt16BE(weight, 2);
  head.writeUInt16BE(port, 4);
  return Buffer.concat([head, nameOf(target)]);
}

function nameOf(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}
