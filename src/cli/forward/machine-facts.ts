/** Files and addresses of this machine that the configuration of `tsproxy forward` refers to. */
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { printError } from '../../process/standard-streams.js';
import { networkAddresses } from '../dev/network-addresses.js';
import { LocalCa } from '../local-ca/local-ca.js';
import { UsageError } from '../usage-error.js';
import type { ForwardFacts, MachineFacts } from './configuration.js';
import type { Loopback } from './group-servers.js';
import { isWildcard } from './listen-address.js';
import type { CertificatePaths, ForwardOptions, ForwardPlan } from './plan.js';

/** Certificates of the authorities that the system trusts, where Linux distributions, BSD and macOS keep them. */
const SYSTEM_AUTHORITIES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** Finds them. Rejects with a usage error if one is missing. */
export async function machineFacts(plan: ForwardPlan, options: ForwardOptions): Promise<ForwardFacts> {
  const verifies = plan.routes.some(({ target }) => target.kind === 'server' && target.scheme === 'https');
  return {
    certificate: plan.secure ? certificateOf(plan, options) : null,
    authorities: verifies && !plan.insecure ? systemAuthorities() : null,
    loopback: await loopbackAddresses(),
    names: /localhost$|^127\.|^\[::1\]$/.test(plan.listen.host ?? 'localhost') ? [] : namesOf(hostname().toLowerCase()),
  };
}

/** Names of this machine in its network that have a dot. */
function namesOf(name: string): string[] {
  const label = name.replace(/\..*$/, '');
  return [...(name === label ? [] : [name]), `${label}.local`];
}

function certificateOf(plan: ForwardPlan, { cert, key }: ForwardOptions): MachineFacts['certificate'] {
  if (cert === undefined || key === undefined) return certificateOfPlan(plan);
  for (const file of [cert, key]) if (!existsSync(file)) throw new UsageError(`there is no file "${file}"`);
  return { certificate: resolve(cert), key: resolve(key) };
}

/** A certificate of the local CA for all hosts of the plan. */
function certificateOfPlan({ listen, routes }: ForwardPlan): MachineFacts['certificate'] {
  const hosts = routes.flatMap(({ host }) => host ?? []);
  const own = listen.host === null || listen.host === '*' ? [] : [listen.host];
  return localCertificate([...own, ...hosts, ...(isWildcard(listen) ? networkAddresses() : [])], hosts);
}

/**
 * Issues a certificate of the local CA. Prints which hosts it does not permit.
 *
 * @param then end of the advice
 */
export function localCertificate(names: readonly string[], hosts: readonly string[], then = ''): CertificatePaths {
  const { file, omitted } = LocalCa.open().certificateFor(names);
  for (const name of omitted) {
    if (hosts.includes(name))
      printError(`tsproxy: the local CA does not permit "${name}": run "tsproxy ca trust ${name}"${then}`);
  }
  return { certificate: file, key: file };
}

/** Path of their certificates. Throws a usage error if there is no such file. */
export function systemAuthorities(): string {
  const { SSL_CERT_FILE: configured = '' } = process.env;
  const found = [configured, ...SYSTEM_AUTHORITIES].find((path) => path !== '' && existsSync(path));
  if (found === undefined) {
    throw new UsageError(
      'this machine has no list of certificate authorities',
      'Install it (on Debian: ca-certificates), name a file in SSL_CERT_FILE, or use --insecure.',
    );
  }
  return resolve(found);
}

/** The loopback addresses as this machine orders them. */
export async function loopbackAddresses(): Promise<Loopback> {
  const found = await lookup('localhost', { all: true, verbatim: true }).catch(() => []);
  return found[0]?.family === 6 ? ['[::1]', '127.0.0.1'] : ['127.0.0.1', '[::1]'];
}
