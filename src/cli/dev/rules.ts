/**
 * How `tsproxy dev` adapts directives to a developer's machine: one table, directive to rule. A rule returns the statements that
 * replace one as written, and adds a line to the banner for each change. Access control stays as strict as it is written: where a
 * file that it needs is missing, access is refused.
 */
import type { Statement } from '../../../grammar/syntax-tree.js';
import type { Context } from '../../config/directive.js';
import { placeOf } from '../../config/place.js';
import { exists, isReadable } from './local-files.js';
import { localServerName } from './local-names.js';
import type { Plan } from './plan.js';
import { placeText } from './request-lines.js';
import { listenOf, passUrl } from './survey.js';
import type { Target } from './targets.js';
import { renamed, withArgument, withArguments } from './words.js';

/** A statement's surroundings. */
export interface RuleContext {
  readonly plan: Plan;
  readonly context: Context;
  /** All statements of its block. */
  readonly siblings: readonly Statement[];
  readonly opener: Statement | null;
}

export type Rule = (statement: Statement, c: RuleContext) => readonly Statement[];

/** Leaves the directive out. */
const leaveOut =
  (text: string): Rule =>
  ({ name }, { plan }) => {
    plan.notice(name.text, text);
    return [];
  };

const leaveOutSilently: Rule = () => [];

/** Parameters of `listen` that are kept. */
const LISTEN_PARAMETERS: ReadonlySet<string> = new Set(['default_server', 'default', 'ssl', 'http2']);

const listen: Rule = (statement, { plan }) => {
  const { args } = statement;
  const [word, ...parameters] = args.map(({ text }) => text);
  if (parameters.includes('quic')) {
    plan.notice('listen … quic', 'left out: HTTP/3 is not supported');
    return [];
  }
  const found = listenOf(statement);
  // An invalid one is reported by the check.
  if (found === null || word === undefined) return [statement];
  if (parameters.includes('proxy_protocol')) {
    plan.notice('listen … proxy_protocol', 'connections begin without the header of the PROXY protocol');
  }
  const kept = parameters.filter((parameter) => LISTEN_PARAMETERS.has(parameter));
  const { address } = found;
  const { hosts, runFiles } = plan.options;
  if (address.family === 'unix') {
    const path = runFiles.path(socketName(address.path), null);
    plan.notice(`listen unix:${address.path}`, path);
    return [withArguments(statement, [`unix:${path}`, ...kept])];
  }
  const host = address.family === 'inet6' ? hosts.ipv6 : hosts.ipv4;
  const port = plan.port(address);
  if (port !== address.port) plan.notice(`port ${address.port}`, String(port));
  const ports = address.lastPort === address.port ? String(port) : `${address.port}-${address.lastPort}`;
  const both = parameters.includes('ipv6only=off') ? [hosts.ipv4] : [];
  const bound = [host, ...both].filter((each) => each !== null);
  return bound.map((each) =>
    withArguments(statement, [`${each.includes(':') ? `[${each}]` : each}:${ports}`, ...kept]),
  );
};

/** Maximum length of a socket's name: addresses of sockets have room for about a hundred bytes. */
const MAX_SOCKET_NAME = 50;

/** A name that tells sockets of different directories apart. */
function socketName(path: string): string {
  return path.replace(/^\/+/, '').replaceAll('/', '-').slice(-MAX_SOCKET_NAME);
}

const serverName: Rule = (statement) => {
  const names = statement.args.map(({ text }) => text);
  const local = names.flatMap((name) => localServerName(name.startsWith('~') ? name : name.toLowerCase()) ?? []);
  return [withArguments(statement, [...names, ...local.filter((name) => !names.includes(name))])];
};

const resolver: Rule = (statement, { plan }) => {
  const words = statement.args.map(({ text }) => text);
  const parameters = words.filter((word) => /^(?:valid|ipv4|ipv6|status_zone)=/.test(word));
  const { nameServers } = plan;
  if (nameServers.length === 0) return [statement];
  plan.notice('resolver', `names are looked up as this machine does (${nameServers.join(' ')})`);
  return [withArguments(statement, [...nameServers, ...parameters])];
};

/** `ssl_certificate` and `ssl_certificate_key`: the files of the block, or one pair of the local CA instead of all of them. */
const certificate: Rule = (statement, c) => {
  const { plan, siblings } = c;
  const all = siblings.filter(({ name }) => name.text === 'ssl_certificate' || name.text === 'ssl_certificate_key');
  const missing = all.find(({ args }) => !isUsable(args[0]?.text ?? '', plan));
  if (missing === undefined) {
    const written = statement.args[0]?.text ?? '';
    return [written.startsWith('data:') ? statement : withArgument(statement, 0, plan.file(written, 'conf'))];
  }
  plan.notice(
    `${missing.name.text} ${missing.args[0]?.text ?? ''}`,
    'not readable here: a certificate of the local CA is used',
  );
  const first = all.find(({ name }) => name.text === statement.name.text);
  return first === statement ? [withArguments(statement, [plan.certificate])] : [];
};

function isUsable(written: string, plan: Plan): boolean {
  return written.startsWith('data:') || (!written.includes('$') && isReadable(plan.file(written, 'conf')));
}

type MissingFile = (statement: Statement, c: RuleContext, written: string) => readonly Statement[];

/** A file of the configuration: where it is here; `missing` if it is nowhere. Words with variables and `off` are left. */
const fileArgument =
  (missing: MissingFile, position = 0): Rule =>
  (statement, c) => {
    const written = statement.args[position]?.text ?? '';
    if (written === '' || written === 'off' || written.includes('$') || /^(?:data|engine|store):/.test(written))
      return [statement];
    const path = c.plan.file(written, 'conf');
    return isReadable(path) ? [withArgument(statement, position, path)] : missing(statement, c, written);
  };

/** Without the file the directive has no effect that protects anything. */
const withoutFile: MissingFile = ({ name }, { plan }, written) => {
  plan.notice(`${name.text} ${written}`, 'not readable here: left out');
  return [];
};

/** Certificates cannot be verified: none is accepted. */
const noneTrusted: MissingFile = (statement, { plan }, written) => {
  plan.warn(`${statement.name.text} ${written}`, 'not readable here: no certificate is accepted');
  return [withArgument(statement, 0, plan.authority)];
};

/** Trusted certificates. If a list of revoked ones is missing, those that it is about must not be accepted: none is. */
const trusted =
  (list: string): Rule =>
  (statement, c) => {
    const [word] = c.siblings.find(({ name }) => name.text === list)?.args ?? [];
    if (word !== undefined && !isReadable(c.plan.file(word.text, 'conf'))) {
      return noneTrusted(statement, c, statement.args[0]?.text ?? '');
    }
    return fileArgument(noneTrusted)(statement, c);
  };

const passwordFile: MissingFile = (statement, { plan }, written) => {
  const { passwords, runFiles } = plan.options;
  const subject = `${statement.name.text} ${written}`;
  if (passwords === '')
    plan.warn(subject, 'not readable here: no login is accepted; --login NAME:PASSWORD creates a user');
  else plan.notice(subject, 'not readable here: the user of --login is used');
  return [withArgument(statement, 0, runFiles.path('passwords', passwords))];
};

const keyFile: MissingFile = (statement, { plan }, written) => {
  plan.warn(`${statement.name.text} ${written}`, 'not readable here: no token is accepted');
  return [withArgument(statement, 0, plan.options.runFiles.path('keys.json', '{"keys":[]}'))];
};

/** `root` and `alias`. */
const directory: Rule = (statement, { plan }) => {
  const written = statement.args[0]?.text ?? '';
  if (!written.startsWith('/')) return [statement];
  const path = plan.file(written, 'prefix');
  const fixed = written.includes('$') ? path.slice(0, path.indexOf('$')).replace(/[^/]*$/, '') : path;
  if (!exists(fixed)) {
    plan.warn(
      `${statement.name.text} ${written}`,
      `not here (${placeText(placeOf(statement))}): its files are not found; --path ${written}=DIRECTORY`,
      'not here: its files are not found; --path PATH=DIRECTORY for each',
    );
  } else if (path !== written) plan.notice(`${statement.name.text} ${written}`, path);
  return [withArgument(statement, 0, path)];
};

/** `server` of an `upstream`. A given server of the whole block replaces all of its servers. */
const upstreamServer: Rule = (statement, { plan, context, opener, siblings }) => {
  if (context !== 'upstream') return [statement];
  const { targets } = plan.options;
  const name = opener?.args[0]?.text ?? '';
  const group = targets.group(name);
  if (group !== null) {
    const first = siblings.find((each) => each.name.text === 'server');
    if (first !== statement) return [];
    plan.notice(`upstream ${name}`, group.address);
    return [withArguments(statement, [group.address])];
  }
  const written = statement.args[0]?.text ?? '';
  const target = targets.find(written, 80);
  if (target === null) return [statement];
  plan.notice(`server ${written}`, target.address);
  return [withArgument(statement, 0, target.address)];
};

/** Schemes of pass directives, without and with TLS. */
const SCHEMES: Readonly<Record<string, readonly [plain: string, secure: string]>> = {
  proxy_pass: ['http', 'https'],
  grpc_pass: ['grpc', 'grpcs'],
};

/** The given server of a pass directive without variables in its host. */
function passTarget(text: string, { plan }: RuleContext): Target | null {
  const url = passUrl(text);
  if (url === null || url.host.includes('$')) return null;
  return plan.options.targets.find(url.host, url.secure ? 443 : 80);
}

/** The name stays, for the Host field; the module of `tsproxy dev` replaces the address. */
const pass: Rule = (statement, c) => {
  const written = statement.args[0]?.text ?? '';
  const target = passTarget(written, c);
  const url = passUrl(written);
  if (target === null || url === null) return [statement];
  c.plan.notice(`upstream ${url.host}`, target.address);
  const [plain, secure] = SCHEMES[statement.name.text] ?? ['http', 'https'];
  const websocket = /^wss?$/i.test(url.scheme);
  const scheme = websocket ? (target.secure ? 'wss' : 'ws') : target.secure ? secure : plain;
  const host = url.host.toLowerCase().startsWith('unix:') ? `${url.host}:` : url.host;
  return [withArgument(statement, 0, `${scheme}://${host}${url.rest}`)];
};

/** Protocols that are not supported: a given server gets the requests over HTTP. */
const otherPass: Rule = (statement, c) => {
  const written = statement.args[0]?.text ?? '';
  const target = passTarget(written, c);
  const name = written.replace(/^[a-z]+:\/\//i, '');
  if (target === null) {
    if (!written.includes('$')) {
      c.plan.warn(
        `${statement.name.text} ${written}`,
        `not supported, requests get 501 (${placeText(placeOf(statement))}); --upstream ${name}=localhost:8000 passes them over HTTP`,
        'not supported, requests get 501; --upstream NAME=localhost:8000 passes them over HTTP',
      );
    }
    return [statement];
  }
  c.plan.notice(`${statement.name.text} ${written}`, `${target.address}, over HTTP`);
  const host = name.toLowerCase().startsWith('unix:') ? `${name}:` : name;
  // The protocols pass the request's host, scheme and address as parameters.
  const fields = [
    ['Host', '$http_host'],
    ['X-Forwarded-For', '$proxy_add_x_forwarded_for'],
    ['X-Forwarded-Proto', '$scheme'],
  ];
  return [
    renamed(statement, 'proxy_pass', [`${target.secure ? 'https' : 'http'}://${host}`]),
    ...fields.map((words) => renamed(statement, 'proxy_set_header', words)),
  ];
};

/** Protocols of `otherPass`. */
const OTHER_PROTOCOLS = ['fastcgi', 'uwsgi', 'scgi'];

/** Whether the requests of a block get to a given server over HTTP instead of the protocol. */
function isReplaced(protocol: string, c: RuleContext): boolean {
  const passes = c.siblings.find(({ name }) => name.text === `${protocol}_pass`);
  return passes !== undefined && passTarget(passes.args[0]?.text ?? '', c) !== null;
}

/** Parameters of a protocol that is replaced by HTTP in the same block. */
const otherProtocol: Rule = (statement, c) => {
  const protocol = /^[a-z]+(?=_)/.exec(statement.name.text)?.[0] ?? '';
  return isReplaced(protocol, c) ? [] : [statement];
};

/** Names of scripts that the protocol would have got: they are files of another machine. */
const SCRIPT_NAME = /\$\{?fastcgi_(?:script_name|path_info)\b/;

/** Conditions about the script's file; `set` gets no value. */
const scriptName: Rule = (statement, c) => {
  const { name, args } = statement;
  if (!args.some(({ text }) => SCRIPT_NAME.test(text)) || !isReplaced('fastcgi', c)) return [statement];
  return name.text === 'set' ? [withArgument(statement, 1, '')] : [];
};

const addHeader: Rule = (statement, { plan }) => {
  if (/^strict-transport-security$/i.test(statement.args[0]?.text ?? '')) {
    plan.notice('Strict-Transport-Security', 'not sent: browsers would apply it to all ports of the host');
  }
  return [statement];
};

const loadModule: Rule = (statement, { plan }) => {
  const path = statement.args[0]?.text ?? '';
  if (!path.endsWith('.so')) return [statement];
  plan.notice(`load_module ${path}`, "nginx's modules are built in or not supported");
  return [];
};

const LOCAL_SOCKETS = 'connections leave from any address of this machine';
const TEMPORARY = 'a private temporary directory is used';
const ONE_PROCESS = 'one process serves';

const proxyBind: Rule = (statement, { plan }) => {
  const text = statement.args[0]?.text ?? '';
  if (text === 'off') return [statement];
  plan.notice(`${statement.name.text} ${text}`, LOCAL_SOCKETS);
  return [];
};

/** The rule of a directive; null if it stays as it is. */
export function ruleOf(directive: string): Rule | null {
  if (Object.hasOwn(RULES, directive)) return RULES[directive] ?? null;
  return OTHER_PROTOCOLS.some((protocol) => directive.startsWith(`${protocol}_`)) ? otherProtocol : null;
}

const RULES: Readonly<Record<string, Rule>> = {
  listen,
  server_name: serverName,
  user: leaveOut('requests are served as the user who runs this command'),
  pid: leaveOut('no file is written'),
  lock_file: leaveOutSilently,
  daemon: leaveOutSilently,
  master_process: leaveOutSilently,
  working_directory: leaveOutSilently,
  worker_processes: leaveOut(ONE_PROCESS),
  worker_priority: leaveOutSilently,
  worker_cpu_affinity: leaveOutSilently,
  worker_rlimit_nofile: leaveOutSilently,
  worker_rlimit_core: leaveOutSilently,
  error_log: leaveOut('errors are shown here'),
  access_log: leaveOut('requests are shown here'),
  load_module: loadModule,
  client_body_temp_path: leaveOut(TEMPORARY),
  proxy_temp_path: leaveOut(TEMPORARY),
  grpc_temp_path: leaveOut(TEMPORARY),
  fastcgi_temp_path: leaveOutSilently,
  uwsgi_temp_path: leaveOutSilently,
  scgi_temp_path: leaveOutSilently,
  resolver,
  ssl_certificate: certificate,
  ssl_certificate_key: certificate,
  ssl_dhparam: fileArgument(withoutFile),
  ssl_trusted_certificate: fileArgument(withoutFile),
  ssl_password_file: fileArgument(withoutFile),
  ssl_session_ticket_key: fileArgument(withoutFile),
  ssl_client_certificate: trusted('ssl_crl'),
  ssl_crl: fileArgument(withoutFile),
  ssl_stapling: leaveOut('certificates of the local CA have no OCSP responses'),
  ssl_stapling_file: leaveOutSilently,
  ssl_stapling_verify: leaveOutSilently,
  ssl_stapling_responder: leaveOutSilently,
  proxy_ssl_trusted_certificate: trusted('proxy_ssl_crl'),
  proxy_ssl_crl: fileArgument(withoutFile),
  proxy_ssl_certificate: fileArgument(withoutFile),
  proxy_ssl_certificate_key: fileArgument(withoutFile),
  proxy_ssl_password_file: fileArgument(withoutFile),
  grpc_ssl_trusted_certificate: trusted('grpc_ssl_crl'),
  grpc_ssl_crl: fileArgument(withoutFile),
  grpc_ssl_certificate: fileArgument(withoutFile),
  grpc_ssl_certificate_key: fileArgument(withoutFile),
  grpc_ssl_password_file: fileArgument(withoutFile),
  auth_basic_user_file: fileArgument(passwordFile),
  auth_jwt_key_file: fileArgument(keyFile),
  root: directory,
  alias: directory,
  server: upstreamServer,
  proxy_pass: pass,
  grpc_pass: pass,
  fastcgi_pass: otherPass,
  uwsgi_pass: otherPass,
  scgi_pass: otherPass,
  set: scriptName,
  try_files: scriptName,
  if: scriptName,
  absolute_redirect: leaveOutSilently,
  port_in_redirect: leaveOutSilently,
  add_header: addHeader,
  proxy_bind: proxyBind,
  grpc_bind: proxyBind,
};
