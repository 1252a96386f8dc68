/** The process that listens on a TCP port, for messages about ports in use. Synchronous: used only after an error. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';

/** A process that listens on the port. */
export interface PortOwner {
  /** Null if the process belongs to another user and cannot be determined. */
  readonly pid: number | null;
  /** Program, with its script if it is an interpreter; null if unknown. Printable text. */
  readonly name: string | null;
  /** User of a process that could not be determined. */
  readonly uid: number | null;
}

/** Maximum CPU time of the search among all processes, ms; on a busy machine more time passes. */
const SEARCH_TIME = 500;
/** Maximum time that lsof may take, ms. */
const LSOF_TIMEOUT = 2000;
const MAX_NAME = 60;

/** The owner of the address that conflicts with this one; null if it cannot be determined. */
export function portOwner(host: string, port: number): PortOwner | null {
  try {
    return process.platform === 'linux' ? ownerInProc(host, port) : ownerByLsof(port);
  } catch {
    return null;
  }
}

/** A clause that names the process that uses the port; empty if unknown. */
export function portUse(host: string, port: number): string {
  const owner = portOwner(host, port);
  if (owner === null) return '';
  if (owner.pid === process.pid) return `this process itself listens on port ${port}`;
  if (owner.pid === null) return `a process of the user with id ${owner.uid} listens on port ${port}`;
  const name = owner.name === null ? 'a process' : `"${owner.name}"`;
  return `${name} (pid ${owner.pid}) listens on port ${port}`;
}

/** A listening socket in /proc/net/tcp. */
interface Listener {
  /** In hexadecimal, as the kernel prints it. */
  readonly address: string;
  readonly uid: number;
  readonly inode: string;
}

function ownerInProc(host: string, port: number): PortOwner | null {
  const [own, other] = isIPv6(host) ? (['tcp6', 'tcp'] as const) : (['tcp', 'tcp6'] as const);
  const wanted = hexAddress(host);
  const isWildcard = ({ address }: Listener): boolean => /^0+$/.test(address);
  const [mine, others] = [listeners(own, port), listeners(other, port)];
  const listener =
    mine.find(({ address }) => address === wanted) ??
    mine.find(isWildcard) ??
    others.find(isWildcard) ??
    mine[0] ??
    others[0];
  if (listener === undefined) return null;
  const pid = processWith(`socket:[${listener.inode}]`);
  return pid === null ? { pid, name: null, uid: listener.uid } : { pid, name: nameOf(pid), uid: null };
}

function listeners(family: 'tcp' | 'tcp6', port: number): Listener[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let text: string;
  try {
    text = readFileSync(`/proc/net/${family}`, 'latin1');
  } catch {
    // The file of IPv6 is missing if the kernel has none.
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , uid, , inode = ''] = line.trim().split(/\s+/);
    // 0A: LISTEN
    if (state !== '0A' || !local.endsWith(suffix)) return [];
    return [{ address: local.slice(0, -suffix.length), uid: Number(uid), inode }];
  });
}

/** An IPv4 address in the form of /proc/net/tcp on machines with little-endian processors; empty for others. */
function hexAddress(host: string): string {
  if (!isIPv4(host)) return '';
  const bytes = host.split('.').map(Number);
  return bytes
    .reverse()
    .map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'))
    .join('');
}

/** The process that has a descriptor open: this one, or the one with the lowest pid, a master process rather than its workers. */
function processWith(link: string): number | null {
  if (hasOpen(process.pid, link)) return process.pid;
  const before = process.cpuUsage();
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  for (const pid of pids.sort((a, b) => a - b)) {
    const { user, system } = process.cpuUsage(before);
    if (user + system > SEARCH_TIME * 1000) return null;
    if (hasOpen(pid, link)) return pid;
  }
  return null;
}

function hasOpen(pid: number, link: string): boolean {
  let descriptors: string[];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    // The process belongs to another user, or has ended.
    return false;
  }
  return descriptors.some((descriptor) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${descriptor}`) === link;
    } catch {
      // The descriptor was closed meanwhile.
      return false;
    }
  });
}

function nameOf(pid: number): string | null {
  try {
    return commandName(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'));
  } catch {
    return null;
  }
}

/** Programs whose first argument that is no option names the script that they run. */
const INTERPRETERS = /^(?:node|nodejs|bun|deno|python[\d.]*|ruby|perl|php)$/;

/** Options whose value is code. */
const CODE_OPTION = /^(?:-[epc]+|--eval|--print)$/;

/**
 * Name of a program without its arguments, which may be secret; with the name of its script if it is an interpreter. Null
 * if there is none.
 */
export function commandName(words: readonly string[]): string | null {
  const [command = '', ...rest] = words;
  // A process that has changed its title: "nginx: master process nginx".
  const program = /^[\w.-]+: /.test(command) ? command : baseName(command);
  const at = INTERPRETERS.test(program) ? rest.findIndex((word) => CODE_OPTION.test(word) || /^[^-]/.test(word)) : -1;
  const script = CODE_OPTION.test(rest[at] ?? '') ? undefined : rest[at];
  const name = [program, ...(script === undefined ? [] : [baseName(script)])].join(' ').trim();
  const printable = name.replace(/[^\x20-\x7e]|"/g, '?').slice(0, MAX_NAME);
  return printable === '' ? null : printable;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The owner as found by lsof: macOS and the BSDs have no /proc. */
export function ownerByLsof(port: number): PortOwner | null {
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const words = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'];
  const { stdout } = spawnSync('lsof', words, {
    encoding: 'utf8',
    timeout: LSOF_TIMEOUT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [, pid, name = ''] = /^p(\d+)\nc(.*)$/m.exec(stdout ?? '') ?? [];
  return pid === undefined ? null : { pid: Number(pid), name: commandName([name]), uid: null };
}
