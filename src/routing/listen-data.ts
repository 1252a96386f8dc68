/** `listen` directives of checked servers. */
import { type Address, formatAddress } from '../config/address.js';
import type { CheckedBlock } from '../config/checked-config.js';
import type { Place } from '../config/place.js';
import type { ListenOptions, TcpKeepalive } from './listeners.js';

/** Socket options of a `listen`. */
export interface SocketOptions extends ListenOptions {
  readonly backlog: number;
  readonly reuseport: boolean;
  readonly ipv6only: boolean;
  readonly ssl: boolean;
  readonly http2: boolean;
  readonly proxyProtocol: boolean;
  readonly keepalive: TcpKeepalive | null;
}

/** One `listen` of a server. Plain data. */
export interface ListenData {
  /** Address as written. */
  readonly written: string;
  readonly address: Address;
  readonly options: SocketOptions;
  readonly at: Place | null;
  /** For QUIC, which is not supported: no socket is opened. */
  readonly quic: boolean;
}

/** nginx's NGX_LISTEN_BACKLOG. */
const BACKLOG = 511;

export const DEFAULT_LISTEN_OPTIONS: SocketOptions = {
  defaultServer: false,
  set: false,
  backlog: BACKLOG,
  reuseport: false,
  ipv6only: true,
  ssl: false,
  http2: false,
  proxyProtocol: false,
  keepalive: null,
};

/** Default of a server without `listen`: `*:80`, or `*:8000` without the privileges for that. */
function defaultListen(): ListenData {
  const port = process.getuid?.() === 0 ? 80 : 8000;
  const address: Address = { family: 'inet', host: '0.0.0.0', port, lastPort: port, portGiven: false, uri: '' };
  return { written: formatAddress(address), address, options: DEFAULT_LISTEN_OPTIONS, at: null, quic: false };
}

/** The `listen` directives of a server that are listened on. */
export function listensOf(block: CheckedBlock): readonly ListenData[] {
  return writtenListens(block).filter(({ quic }) => !quic);
}

/** All `listen` directives of a server, or its default. */
export function writtenListens(block: CheckedBlock): readonly ListenData[] {
  const listens = block.values.listen as readonly ListenData[] | undefined;
  return listens === undefined || listens.length === 0 ? [defaultListen()] : listens;
}
