/**
 * Certificates for tests, created with the command `openssl` and reused by all tests of a day. Private keys are never
 * part of the sources.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Reason to skip a test that needs `openssl`; false if it is installed. */
export const withoutOpenssl: string | false = (process.env.PATH ?? '')
  .split(delimiter)
  .some((directory) => existsSync(join(directory, 'openssl')))
  ? false
  : 'needs openssl';

/** Parameters of `issue`. */
export interface Wish {
  /** Common name. */
  readonly name: string;
  /** Whole subject, as `/O=Example/CN=x`; default: the common name only. */
  readonly subject?: string;
  /** Subject alternative names: `DNS:example.com,IP:127.0.0.1`. */
  readonly names?: string;
  readonly key?: 'ec' | 'rsa';
  /** Validity as `YYYYMMDDHHMMSSZ`; default: from yesterday on, for 30 days. */
  readonly from?: string;
  readonly to?: string;
  /** Whether it may issue certificates. */
  readonly authority?: boolean;
  /** URL of the OCSP responder. */
  readonly responder?: string;
  /** Extended key usages: `OCSPSigning`. */
  readonly usage?: string;
}

/** An authority: a directory with `NAME.crt` and `NAME.key` of each certificate. */
export class Authority {
  constructor(
    /** Absolute path, without a slash at its end. */
    readonly directory: string,
    /** File name of its own certificate and key, without extension. */
    readonly own = 'ca',
  ) {}

  /** Path of a certificate. */
  crt(name: string): string {
    return join(this.directory, `${name}.crt`);
  }
  /** Path of a private key. */
  key(name: string): string {
    return join(this.directory, `${name}.key`);
  }
  /** Content of a certificate or key. */
  read(file: string): string {
    return readFileSync(join(this.directory, file), 'latin1');
  }

  /** Issues a certificate: `NAME.crt` and `NAME.key`, `file` being their name. */
  issue(file: string, wish: Wish): void {
    this.generateKey(file, wish.key ?? 'ec');
    const subject = wish.subject ?? `/CN=${wish.name}`;
    openssl(this.directory, 'req', '-new', '-key', `${file}.key`, '-subj', subject, '-out', `${file}.csr`);
    const extensions = [
      ...(wish.names === undefined ? [] : [`subjectAltName=${wish.names}`]),
      `basicConstraints=CA:${wish.authority === true ? 'TRUE' : 'FALSE'}`,
      ...(wish.responder === undefined ? [] : [`authorityInfoAccess=OCSP;URI:${wish.responder}`]),
      ...(wish.usage === undefined ? [] : [`extendedKeyUsage=${wish.usage}`]),
    ];
    writeFileSync(join(this.directory, `${file}.ext`), `${extensions.join('\n')}\n`);
    const validity = ['-startdate', wish.from ?? date(-1), '-enddate', wish.to ?? date(30)];
    const input = ['-in', `${file}.csr`, '-out', `${file}.crt`, '-extfile', `${file}.ext`];
    openssl(this.directory, 'ca', '-config', `${this.own}.cnf`, '-batch', '-notext', ...validity, ...input);
  }

  /** Writes `NAME.key`. */
  generateKey(file: string, kind: 'ec' | 'rsa'): void {
    const parameters =
      kind === 'ec' ? ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048'];
    openssl(this.directory, 'genpkey', '-algorithm', ...parameters, '-out', `${file}.key`);
  }

  /** Revokes a certificate, and writes the revocation list to `FILE.crl`. */
  revoke(name: string, file: string): void {
    this.revokeInIndex(name);
    this.list(file);
  }
  /** Revokes a certificate, for OCSP only. */
  revokeInIndex(name: string): void {
    openssl(this.directory, 'ca', '-config', `${this.own}.cnf`, '-revoke', `${name}.crt`);
  }
  /** Writes the revocation list to `FILE.crl`. */
  list(file: string): void {
    openssl(this.directory, 'ca', '-config', `${this.own}.cnf`, '-gencrl', '-crldays', '30', '-out', `${file}.crl`);
  }

  /** Creates the database of `openssl ca` for the certificate `own`. */
  prepare(): void {
    const { own, directory } = this;
    writeFileSync(join(directory, `${own}.index`), '');
    writeFileSync(join(directory, `${own}.serial`), '1000\n');
    writeFileSync(
      join(directory, `${own}.cnf`),
      `[ca]
default_ca=d
[d]
new_certs_dir=.
database=${own}.index
serial=${own}.serial
certificate=${own}.crt
private_key=${own}.key
default_md=sha256
policy=p
unique_subject=no
copy_extensions=none
email_in_dn=yes
[p]
commonName=supplied
organizationName=optional
organizationalUnitName=optional
countryName=optional
emailAddress=optional
`,
    );
  }
}

/** Date as `YYYYMMDDHHMMSSZ`, in days from now. */
export function date(days: number): string {
  return `${new Date(Date.now() + days * 86_400_000).toISOString().replace(/\D/g, '').slice(0, 14)}Z`;
}

export function openssl(directory: string, ...words: readonly string[]): string {
  return execFileSync('openssl', words, { cwd: directory, encoding: 'latin1', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Creates an authority in an existing directory. */
export function createAuthority(directory: string, name = 'Test CA'): Authority {
  const authority = new Authority(directory);
  authority.generateKey('ca', 'ec');
  openssl(directory, 'req', '-x509', '-new', '-key', 'ca.key', '-subj', `/CN=${name}`, '-days', '60', '-out', 'ca.crt');
  authority.prepare();
  return authority;
}

let cached: Authority | null = null;

/**
 * The shared certificates. `ca`; for servers: `ec` and `rsa` (localhost, 127.0.0.1, example.com, www.example.com), `other`
 * (other.example), `expired`; for clients: `client`, `revoked` (listed in `revoked.crl`; `empty.crl` lists nothing);
 * `intermediate`, an authority below `ca`, and `deep`, a client's certificate issued by it; `stranger` and
 * `stranger-ca`, of another authority; `encrypted.key`, the key of `ec`, with the password `secret`.
 */
export function certificates(): Authority {
  if (cached !== null) return cached;
  const day = new Date().toISOString().slice(0, 10);
  const final = join(tmpdir(), `tsproxy-certificates-${process.getuid?.() ?? 0}-${day}`);
  if (!existsSync(final)) {
    const directory = mkdtempSync(`${final}-`);
    createAll(directory);
    try {
      renameSync(directory, final);
    } catch {
      // Another process was faster.
      rmSync(directory, { recursive: true });
    }
  }
  cached = new Authority(final);
  return cached;
}

function createAll(directory: string): void {
  const authority = createAuthority(directory);
  const names = 'DNS:localhost,IP:127.0.0.1,DNS:example.com,DNS:www.example.com';
  authority.issue('ec', { name: 'example.com', names });
  authority.issue('rsa', { name: 'example.com', names, key: 'rsa' });
  authority.issue('other', { name: 'other.example', names: 'DNS:other.example' });
  authority.issue('expired', { name: 'expired.example', names, from: date(-20), to: date(-10) });
  authority.issue('client', { name: 'client', subject: '/O=Example/CN=client' });
  authority.issue('revoked', { name: 'revoked' });
  authority.list('empty');
  authority.revoke('revoked', 'revoked');
  authority.issue('intermediate', { name: 'Test Intermediate', authority: true });
  const intermediate = new Authority(directory, 'intermediate');
  intermediate.prepare();
  intermediate.issue('deep', { name: 'deep' });
  const pass = ['-aes128', '-passout', 'pass:secret'];
  openssl(directory, 'pkey', '-in', 'ec.key', '-out', 'encrypted.key', ...pass);
  const elsewhere = join(directory, 'stranger');
  mkdirSync(elsewhere);
  const stranger = createAuthority(elsewhere, 'Stranger CA');
  stranger.issue('stranger', { name: 'stranger', names });
  renameSync(stranger.crt('ca'), join(directory, 'stranger-ca.crt'));
  renameSync(stranger.crt('stranger'), join(directory, 'stranger.crt'));
  renameSync(stranger.key('stranger'), join(directory, 'stranger.key'));
}
