/** The local CA in the user's directory: created at its first use; certificates of servers are issued when needed. */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { ipText } from '../../config/cidr.js';
import { type Authority, createAuthority, expiryOf, issueCertificate, readAuthority } from './authority.js';
import { localCaDirectory } from './directory.js';
import { withReadableErrors } from './local-ca-error.js';
import { certificateName, constraintsWith, permits } from './permitted-names.js';
import { createPrivate, privateDirectory, readPrivate, replaceDerived, replacePrivate } from './private-files.js';

/** Certificates are issued again when less than this is left of their validity, in ms. */
const RENEWAL = 30 * 86_400_000;
/** Maximum number of names in a certificate: OpenSSL accepts chains of up to 100 KB. */
const MAX_NAMES = 500;

/** Names below the CA's directory. */
const AUTHORITY = 'authority.pem';
const ROOT = 'root.pem';
const CERTIFICATES = 'certificates';
/** Below the certificates: those that no configuration names. */
const RUNS = 'runs';
/** Maximum number of their files. */
const MAX_RUNS = 250;

/** A certificate of a server. */
export interface LocalCertificate {
  /** Absolute path of a file with key, certificate and issuer, for both `ssl_certificate` and `ssl_certificate_key`. */
  readonly file: string;
  /** Names in the certificate. */
  readonly names: readonly string[];
  /** Names that are not in it: the CA does not permit them, until `tsproxy ca trust NAME` adds them. */
  readonly omitted: readonly string[];
}

export class LocalCa {
  /** Directories from which obsolete certificates were removed. */
  private readonly cleaned = new Set<string>();

  private constructor(
    readonly directory: string,
    private readonly authority: Authority,
  ) {}

  /**
   * Opens the CA, and creates it if it is missing, damaged or about to expire. Throws LocalCaError: another user can
   * access its files, or they cannot be read or written.
   */
  static open(directory = localCaDirectory()): LocalCa {
    return withReadableErrors(directory, () => LocalCa.openOrCreate(directory));
  }

  private static openOrCreate(directory: string): LocalCa {
    const path = join(directory, AUTHORITY);
    const isNew = !existsSync(path);
    const existing = LocalCa.existing(directory);
    if (existing !== null && existing.expires > Date.now() + RENEWAL) return existing;
    privateDirectory(directory);
    const text = createAuthority(existing?.domains ?? []);
    // Another process may create it at the same time.
    if (isNew) createPrivate(path, text);
    else replacePrivate(path, text);
    return LocalCa.existing(directory) ?? unreadable(path);
  }

  /** The CA, if there is one that can be read; otherwise null. Throws as `open`. */
  static existing(directory = localCaDirectory()): LocalCa | null {
    return withReadableErrors(directory, () => LocalCa.read(directory));
  }

  private static read(directory: string): LocalCa | null {
    if (!existsSync(directory)) return null;
    privateDirectory(directory);
    const text = readPrivate(join(directory, AUTHORITY));
    if (text === null) return null;
    let authority: Authority;
    try {
      authority = readAuthority(text);
    } catch {
      return null;
    }
    const ca = new LocalCa(directory, authority);
    ca.writeRoot();
    return ca;
  }

  /** Creates the CA again, for further domains. Certificates of the old one are removed. */
  static replace(domains: readonly string[], directory = localCaDirectory()): LocalCa {
    return withReadableErrors(directory, () => {
      privateDirectory(directory);
      replacePrivate(join(directory, AUTHORITY), createAuthority(domains));
      rmSync(join(directory, CERTIFICATES), { recursive: true, force: true });
      return LocalCa.open(directory);
    });
  }

  /** Deletes the CA with its certificates and keys; the directory, too, if nothing else is in it. False if there is none. */
  static remove(directory = localCaDirectory()): boolean {
    return withReadableErrors(directory, () => LocalCa.deleteFiles(directory));
  }

  private static deleteFiles(directory: string): boolean {
    if (!existsSync(directory)) return false;
    for (const name of [AUTHORITY, ROOT, CERTIFICATES]) rmSync(join(directory, name), { recursive: true, force: true });
    if (readdirSync(directory).length === 0) rmdirSync(directory);
    return true;
  }

  /** The certificate to trust. */
  get root(): X509Certificate {
    return this.authority.root;
  }

  /** Absolute path of the root's certificate as PEM, for trust stores, `curl --cacert` and `NODE_EXTRA_CA_CERTS`. */
  get rootFile(): string {
    return join(this.directory, ROOT);
  }

  /** Domains that are permitted besides the local ones. */
  get domains(): readonly string[] {
    return this.authority.domains;
  }

  /** Domains and networks that are permitted, for display. */
  get permitted(): readonly string[] {
    const { domains, networks } = constraintsWith(this.domains);
    return [...domains, ...networks.map(({ bytes, length }) => `${ipText(bytes)}/${length}`)];
  }

  /** ms since 1970. */
  get expires(): number {
    return expiryOf(this.authority.root);
  }

  /** Whether certificates for a name can be issued. */
  permits(name: string): boolean {
    const known = certificateName(name);
    return known !== null && permits(constraintsWith(this.domains), known);
  }

  /**
   * A certificate for the names, of those that are DNS names (with `*.` at the beginning or without) or addresses;
   * for `localhost` and the loopback addresses in any case. It is issued again if it is missing or about to expire.
   *
   * @param use `file`: a configuration may name the file. `run`: only a running program uses it; of these the most recently used are
   * kept.
   */
  certificateFor(names: readonly string[], use: 'file' | 'run' = 'file'): LocalCertificate {
    const wanted = [...names, 'localhost', '127.0.0.1', '::1'].flatMap((name) => certificateName(name) ?? []);
    const unique = [...new Set(wanted)];
    const included = unique.filter((name) => this.permits(name)).slice(-MAX_NAMES);
    const certificates = join(this.directory, CERTIFICATES);
    const directory = use === 'file' ? certificates : join(certificates, RUNS);
    const file = join(directory, `${fileName(included)}.pem`);
    withReadableErrors(this.directory, () => {
      privateDirectory(certificates);
      this.issue(directory, file, included);
      if (use === 'run') keepRecent(directory, file);
    });
    return { file, names: included, omitted: unique.filter((name) => !included.includes(name)) };
  }

  private issue(directory: string, file: string, names: readonly string[]): void {
    privateDirectory(directory);
    if (this.isCurrent(file, names)) return;
    if (!this.cleaned.has(directory)) this.removeObsolete(directory);
    this.cleaned.add(directory);
    replaceDerived(file, issueCertificate(this.authority, names));
  }

  /** Whether a file has a certificate of this CA for exactly these names that remains valid for some time. */
  private isCurrent(file: string, names: readonly string[]): boolean {
    const text = readPrivate(file);
    if (text === null) return false;
    try {
      const certificate = new X509Certificate(text);
      return (
        this.isOwn(certificate) &&
        certificate.checkPrivateKey(createPrivateKey(text)) &&
        names.every((name) => name.startsWith('*.') || (certificate.checkHost(name) ?? certificate.checkIP(name)))
      );
    } catch {
      return false;
    }
  }

  private isOwn(certificate: X509Certificate): boolean {
    return certificate.verify(this.authority.issuer.publicKey) && expiryOf(certificate) > Date.now() + RENEWAL;
  }

  /** Removes certificates of an earlier CA, and those about to expire. */
  private removeObsolete(directory: string): void {
    for (const name of readdirSync(directory)) {
      // Others are about to be renamed by another process.
      if (!name.endsWith('.pem')) continue;
      const file = join(directory, name);
      let current = false;
      try {
        current = this.isOwn(new X509Certificate(readPrivate(file) ?? ''));
      } catch {
        // Not a certificate.
      }
      if (!current) rmSync(file, { recursive: true, force: true });
    }
  }

  private writeRoot(): void {
    const text = this.root.toString();
    if (readPublic(this.rootFile) !== text) replaceDerived(this.rootFile, text, 0o644);
  }
}

/** Marks a certificate as used, and removes the least recently used ones if there are too many. */
function keepRecent(directory: string, used: string): void {
  const now = new Date();
  utimesSync(used, now, now);
  const files = readdirSync(directory)
    .filter((name) => name.endsWith('.pem'))
    .map((name) => ({
      path: join(directory, name),
      stats: lstatSync(join(directory, name), { throwIfNoEntry: false }),
    }))
    .sort((a, b) => (b.stats?.mtimeMs ?? 0) - (a.stats?.mtimeMs ?? 0));
  for (const { path } of files.slice(MAX_RUNS)) if (path !== used) rmSync(path, { force: true });
}

/** File name without its extension: a name, for people, and the hash of all. */
function fileName(names: readonly string[]): string {
  const hash = createHash('sha256').update(names.join(' ')).digest('hex').slice(0, 16);
  const [first = ''] = names;
  return `${first.replace(/[^a-z0-9.-]/g, '_').slice(0, 100)}-${hash}`;
}

function readPublic(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

function unreadable(path: string): never {
  throw new Error(`"${path}" cannot be read`);
}
