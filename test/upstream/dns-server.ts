/** A name server on UDP (RFC 1035), for tests: answers A, AAAA and SRV questions from a table. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';

const A = 1;
const SRV = 33;
const AAAA = 28;

/** Records of a name. `ttl` in seconds; 60 unless given. */
export interface Zone {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly srv?: readonly {
    readonly priority: number;
    readonly weight: number;
    readonly port: number;
    readonly target: string;
  }[];
  readonly ttl?: number;
  /** The response code to give instead (2: server failure). */
  readonly code?: number;
}

/** The table may be changed while the server runs. A name that is not in it does not exist. */
export class DnsServer {
  readonly names = new Map<string, Zone>();
  /** `A name` for each question, in the order received. */
  readonly asked: string[] = [];
  /** Answers nothing while true. */
  silent = false;

  private constructor(
    private readonly socket: Socket,
    readonly port: number,
  ) {
    socket.on('message', (message, from) => this.answer(message, from));
  }

  static async start(names: Readonly<Record<string, Zone>> = {}): Promise<DnsServer> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const server = new DnsServer(socket, socket.address().port);
    for (const [name, zone] of Object.entries(names)) server.names.set(name, zone);
    return server;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }

  private answer(message: Buffer, from: RemoteInfo): void {
    const labels: string[] = [];
    let at = 12;
    for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = message.readUInt16BE(at + 1);
    const name = labels.join('.').toLowerCase();
    this.asked.push(`${type === A ? 'A' : type === AAAA ? 'AAAA' : 'SRV'} ${name}`);
    if (this.silent) return;
    const zone = this.names.get(name);
    const records = zone === undefined || zone.code !== undefined ? [] : recordsOf(zone, type);
    const head = Buffer.alloc(12);
    message.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8580 | (zone === undefined ? 3 : (zone.code ?? 0)), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    const question = message.subarray(12, at + 5);
    this.socket.send(Buffer.concat([head, question, ...records]), from.port, from.address);
  }
}

function recordsOf(zone: Zone, type: number): Buffer[] {
  const data =
    type === A
      ? (zone.a ?? []).map((address) => Buffer.from(address.split('.').map(Number)))
      : type === AAAA
        ? (zone.aaaa ?? []).map(fullIpv6)
        : type === SRV
          ? (zone.srv ?? []).map(service)
          : [];
  return data.map((bytes) => {
    const head = Buffer.alloc(12);
    // A pointer to the name in the question.
    head.writeUInt16BE(0xc00c, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(zone.ttl ?? 60, 6);
    head.writeUInt16BE(bytes.length, 10);
    return Buffer.concat([head, bytes]);
  });
}

/** Only addresses of eight groups. */
function fullIpv6(address: string): Buffer {
  return Buffer.from(
    address
      .split(':')
      .map((group) => group.padStart(4, '0'))
      .join(''),
    'hex',
  );
}

function service({ priority, weight, port, target }: NonNullable<Zone['srv']>[number]): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(priority, 0);
  head.writeUInt16BE(weight, 2);
  head.writeUInt16BE(port, 4);
  const labels = target.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([head, ...labels, Buffer.from([0])]);
}
