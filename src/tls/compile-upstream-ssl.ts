/** TLS settings of the connections of a location to its upstream. Loaded if any location has an upstream with TLS. */
import type { ConfOf } from '../config/directive.js';
import type { Place } from '../config/place.js';
import { CLIENT_CONTEXT, type ContextSpec, TLS_VERSIONS } from '../net/tls-context.js';
import {
  type CertifiedKey,
  loadCertificates,
  loadCertifiedKey,
  loadCrls,
  loadPasswords,
  TlsFileError,
} from '../net/tls-files.js';
import type { Scope } from '../program/module.js';
import { fileName, writtenName } from './arguments.js';
import { compiledCache } from './certificate-cache.js';
import { applyCommands } from './conf-command.js';
import { compiledContexts } from './contexts.js';
import { compiledKeyLog } from './key-log.js';
import type { Family, Prefixed } from './upstream-ssl.js';
import { type ClientContext, clientContext, UpstreamTls, type VariableCertificate } from './upstream-tls.js';

type Value = <K extends keyof Family>(name: K) => ConfOf<Family>[K];

/**
 * Compiles the TLS settings of a location; fails with nginx's message if a file cannot be used. `alpn`: protocols that are
 * offered unless `ssl_alpn` is set.
 */
export function compileUpstreamTls<P extends string>(
  prefix: P,
  conf: ConfOf<Prefixed<P>>,
  scope: Scope,
  alpn: readonly string[],
): UpstreamTls {
  const { compiler, block } = scope;
  const value: Value = (name) => (conf as Record<string, unknown>)[`${prefix}_${name}`] as never; // the type of the name
  const [certificate, key, authorities] = [
    value('ssl_certificate'),
    value('ssl_certificate_key'),
    value('ssl_trusted_certificate'),
  ];
  if (certificate !== undefined && certificate.name !== '' && key === undefined) {
    const message = `no "${prefix}_ssl_certificate_key" is defined for certificate "${writtenName(certificate)}"`;
    return compiler.fail(message, certificate.at);
  }
  const verify = value('ssl_verify');
  if (verify && (authorities === undefined || authorities.path === '')) {
    return compiler.fail(`no ${prefix}_ssl_trusted_certificate for ${prefix}_ssl_verify`, block.at);
  }
  const name = value('ssl_name');
  return new UpstreamTls({
    context: sharedContext(value, scope),
    verify,
    verifyDepth: value('ssl_verify_depth'),
    sendsName: value('ssl_server_name'),
    name: name === undefined ? null : compiler.template(name),
    certificate: variableCertificate(value, scope),
    reusesSessions: value('ssl_session_reuse'),
    alpn: value('ssl_alpn') ?? alpn,
    keyLog: compiledKeyLog(value('ssl_key_log'), compiler),
  });
}

/** Directives that determine the context. */
const OF_CONTEXT = [
  'ssl_certificate',
  'ssl_certificate_key',
  'ssl_password_file',
  'ssl_verify',
  'ssl_trusted_certificate',
  'ssl_crl',
  'ssl_protocols',
  'ssl_ciphers',
  'ssl_conf_command',
] as const satisfies readonly (keyof Family)[];

/** The context of a location; locations with the same values share one, so that files are parsed once. */
function sharedContext(value: Value, scope: Scope): ClientContext {
  const { shared } = scope.compiler;
  const values = JSON.stringify(OF_CONTEXT.map(value), (key, each: unknown) => (key === 'at' ? undefined : each));
  const key = `upstream TLS:${values}`;
  return shared.get<ClientContext>(key) ?? shared.set(key, newContext(value, scope));
}

/** Runs `load`; an error is reported at the directive. */
function at<T>(place: Place, { compiler }: Scope, load: () => T): T {
  try {
    return load();
  } catch (error) {
    if (error instanceof TlsFileError) return compiler.fail(error.message, place);
    throw error;
  }
}

function newContext(value: Value, scope: Scope): ClientContext {
  const verify = value('ssl_verify');
  const used = <T>(file: { readonly path: string; readonly at: Place } | undefined, load: (path: string) => T) =>
    verify && file !== undefined && file.path !== '' ? at(file.at, scope, () => load(file.path)) : null;
  const spec: ContextSpec = {
    ...CLIENT_CONTEXT,
    certificates: fixedCertificate(value, scope),
    trusted: used(value('ssl_trusted_certificate'), loadCertificates)?.blocks ?? [],
    crls: used(value('ssl_crl'), loadCrls) ?? [],
    protocols: TLS_VERSIONS.filter((each) => value('ssl_protocols').includes(each)),
    ciphers: value('ssl_ciphers'),
  };
  const commands = value('ssl_conf_command');
  return at(commands.at(-1)?.at ?? scope.block.at, scope, () =>
    clientContext(applyCommands(spec, commands), compiledContexts(scope.compiler)),
  );
}

function passwordsOf(value: Value, scope: Scope): readonly string[] {
  const file = value('ssl_password_file');
  return file === undefined ? [] : at(file.at, scope, () => loadPasswords(file.path));
}

/** The client certificate, unless its name or that of its key has variables. */
function fixedCertificate(value: Value, scope: Scope): readonly CertifiedKey[] {
  const [certificate, key] = [value('ssl_certificate'), value('ssl_certificate_key')];
  if (certificate === undefined || key === undefined || certificate.name === '') return [];
  const [name, keyName] = [certificate.name, key.name];
  if (typeof name !== 'string' || typeof keyName !== 'string') return [];
  return [at(certificate.at, scope, () => loadCertifiedKey(name, keyName, passwordsOf(value, scope)))];
}

function variableCertificate(value: Value, scope: Scope): VariableCertificate | null {
  const { compiler } = scope;
  const [certificate, key] = [value('ssl_certificate'), value('ssl_certificate_key')];
  if (certificate === undefined || key === undefined || certificate.name === '') return null;
  if (typeof certificate.name === 'string' && typeof key.name === 'string') return null;
  return {
    certificate: fileName(certificate, compiler.template(certificate.name)),
    key: fileName(key, compiler.template(key.name)),
    passwords: passwordsOf(value, scope),
    cache: compiledCache(compiler, value('ssl_certificate_cache')),
  };
}
