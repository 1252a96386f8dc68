/** `syslog:server=…,facility=…`: the syslog destination of `access_log` and `error_log`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { formatAddress, parseAddress } from './address.js';
import type { ArgumentContext } from './directive.js';

/** A syslog destination of a log. Plain data. */
export interface SyslogData {
  /** An IP address without brackets, or a name; empty if there is a path. */
  readonly host: string;
  readonly port: number;
  /** Path of a unix domain socket; null for a server reached over UDP. */
  readonly path: string | null;
  /** The server, as shown in log lines. */
  readonly server: string;
  /** Number of RFC 3164. */
  readonly facility: number;
  /** Number of RFC 3164, for access logs; each line of an error log has that of its level. */
  readonly severity: number;
  readonly tag: string;
  /** Whether this machine's host name is sent. */
  readonly hostname: boolean;
}

const FACILITIES =
  `kern user mail daemon auth intern lpr news uucp clock authpriv ftp ntp audit alert cron local0 local1
  local2 local3 local4 local5 local6 local7`.split(/\s+/);
/** nginx's names: `error` and `warn`, not `err` and `warning`. */
const SEVERITIES = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];
const DEFAULT_PORT = 514;
const MAX_TAG_LENGTH = 32;

/** True for a word that names a syslog server instead of a file. */
export function isSyslog(word: Word): boolean {
  return word.text.startsWith('syslog:');
}

/** Parses a word that begins with `syslog:`. */
export function parseSyslog(word: Word, c: ArgumentContext): SyslogData {
  let server: Server | null = null;
  let facility: number | null = null;
  let severity: number | null = null;
  let tag: string | null = null;
  let hostname = true;
  const once = (name: string, value: unknown): void => {
    if (value !== null) c.fail(word, 'duplicate-value', `duplicate syslog "${name}"`);
  };
  for (const parameter of word.text.slice('syslog:'.length).split(',')) {
    const equals = parameter.indexOf('=');
    const name = parameter.slice(0, Math.max(0, equals));
    const value = parameter.slice(equals + 1);
    if (name === 'server') {
      once(name, server);
      server = parseServer(value, word, c);
    } else if (name === 'facility') {
      once(name, facility);
      facility = numberOf(name, FACILITIES, value, word, c);
    } else if (name === 'severity') {
      once(name, severity);
      severity = numberOf(name, SEVERITIES, value, word, c);
    } else if (name === 'tag') {
      once(name, tag);
      if (value.length > MAX_TAG_LENGTH) c.fail(word, 'invalid-value', 'syslog tag length exceeds 32');
      if (!/^\w*$/.test(value)) {
        c.fail(word, 'invalid-value', 'syslog "tag" only allows alphanumeric characters and underscore');
      }
      tag = value;
    } else if (parameter === 'nohostname') hostname = false;
    else {
      c.fail(word, 'invalid-value', `unknown syslog parameter "${parameter}"`, {
        help: 'it must be one of: server=address, facility=name, severity=name, tag=name, nohostname',
      });
    }
  }
  if (server === null) return c.fail(word, 'invalid-value', 'no syslog server specified');
  return {
    ...server,
    server: formatAddress(server.path === null ? { host: server.host, port: server.port } : { path: server.path }),
    facility: facility ?? FACILITIES.indexOf('local7'),
    severity: severity ?? SEVERITIES.indexOf('info'),
    tag: tag ?? 'nginx',
    hostname,
  };
}

type Server = Pick<SyslogData, 'host' | 'port' | 'path'>;

function parseServer(value: string, word: Word, c: ArgumentContext): Server {
  const address = parseAddress(value, { defaultPort: DEFAULT_PORT });
  if ('mistake' in address) return c.fail(word, 'invalid-value', `${address.mistake} in syslog server "${value}"`);
  if (address.family === 'unix') return { host: '', port: 0, path: address.path };
  return { host: address.host, port: address.port, path: null };
}

function numberOf(name: string, names: readonly string[], value: string, word: Word, c: ArgumentContext): number {
  const number = names.indexOf(value);
  if (number >= 0) return number;
  return c.fail(word, 'invalid-value', `unknown syslog ${name} "${value}"`, {
    help: `it must be one of: ${names.join(', ')}`,
  });
}
