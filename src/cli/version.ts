/** `tsproxy -v` and `-V` in nginx's format: tools parse the version and the list of modules. */
import { NGINX_VERSION, VERSION } from '../http/software.js';

/** Modules that nginx includes only with `--with-http_NAME_module`. */
const OPTIONAL = [
  ...['ssl', 'v2', 'v3', 'realip', 'addition', 'xslt', 'image_filter', 'geoip', 'sub', 'dav', 'flv', 'mp4', 'gunzip'],
  ...['gzip_static', 'auth_request', 'random_index', 'secure_link', 'slice', 'degradation', 'stub_status'],
];

/** Modules that nginx includes unless `--without-http_NAME_module` is given. */
const USUAL = [
  ...['charset', 'gzip', 'ssi', 'userid', 'access', 'auth_basic', 'mirror', 'autoindex', 'geo', 'map', 'split_clients'],
  ...['referer', 'rewrite', 'proxy', 'fastcgi', 'uwsgi', 'scgi', 'grpc', 'memcached', 'limit_conn', 'limit_req'],
  ...['empty_gif', 'browser', 'upstream_hash', 'upstream_ip_hash', 'upstream_least_conn', 'upstream_random'],
  ...['upstream_keepalive', 'upstream_zone', 'upstream_sticky'],
];

/** The version; with `configure` also the built-in modules, as the equivalent arguments of nginx's `configure`. */
export async function versionText(configure: boolean): Promise<string> {
  const first = `nginx version: nginx/${NGINX_VERSION} (tsproxy/${VERSION})`;
  if (!configure) return first;
  const { modules } = await import('../modules/index.js');
  const names = new Set(modules.map((module) => module.name));
  const lines = [first, `built by Node.js ${process.versions.node}`];
  if (names.has('ssl')) lines.push(`built with OpenSSL ${process.versions.openssl}`, 'TLS SNI support enabled');
  lines.push(`configure arguments: ${configureArguments(names).join(' ')}`);
  return lines.join('\n');
}

function configureArguments(names: ReadonlySet<string>): string[] {
  return [
    ...OPTIONAL.filter((name) => names.has(name)).map((name) => `--with-http_${name}_module`),
    ...USUAL.filter((name) => !names.has(name)).map((name) => `--without-http_${name}_module`),
  ];
}
