/**
 * Certificates of servers whose own are missing: one for all names of the configuration, and one for each other name below
 * `localhost` that a client asks for, such as those that a regular expression matches.
 */
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import { LocalCa } from '../local-ca/local-ca.js';
import { certificateName } from '../local-ca/permitted-names.js';
import { LOCAL_SUFFIX } from './local-names.js';

/** Maximum number of further names: clients choose them. */
const MAX_NAMES = 200;

export class DevCertificates {
  private ca: LocalCa | null = null;
  private file: string | null = null;
  private readonly known: ReadonlySet<string>;
  /** Files by name. */
  private readonly issued = new Map<string, string>();

  /** `names`: those of the configuration, with `*.` at the beginning or without. */
  constructor(private readonly names: readonly string[]) {
    this.known = new Set(names);
  }

  /** File with a certificate and its key for a name that a client has sent; empty for none. Bytes. Throws as `LocalCa.open`. */
  fileFor(serverName: string): string {
    const name = serverName.toLowerCase();
    const issued = this.issued.get(name);
    if (issued !== undefined) return issued;
    if (!name.endsWith(LOCAL_SUFFIX) || this.includes(name) || certificateName(toText(name)) !== name)
      return (this.file ??= this.issue(this.names));
    if (this.issued.size >= MAX_NAMES) return (this.file ??= this.issue(this.names));
    const file = this.issue([name]);
    this.issued.set(name, file);
    return file;
  }

  private includes(name: string): boolean {
    return this.known.has(name) || this.known.has(`*${name.slice(name.indexOf('.'))}`);
  }

  private issue(names: readonly string[]): string {
    this.ca ??= LocalCa.open();
    return toBytes(this.ca.certificateFor(names).file);
  }
}
