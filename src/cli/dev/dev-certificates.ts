/**
 * Certificates of servers whose own are missing: one for all names of the configuration, and one for each other name below
 * `localhost` that a client asks for, such as those that a regular expression matches.
 */
import { toBytes, toText } from '../../diagnostics/byte-string.js';
import { LocalCa } from '../local-ca/local-ca.js';
import { certificateName } from '../local-ca/permitted-names.js';
import { exists } from './local-files.js';
import { LOCAL_SUFFIX } from './local-names.js';

/** Maximum number of further names: clients choose them. */
const MAX_NAMES = 200;

export class DevCertificates {
  private ca: LocalCa | null = null;
  private readonly known: ReadonlySet<string>;
  /** Files by name; the empty name stands for all names of the configuration. */
  private readonly issued = new Map<string, string>();

  /** `names`: those of the configuration, with `*.` at the beginning or without. */
  constructor(private readonly names: readonly string[]) {
    this.known = new Set(names);
  }

  /** File with a certificate and its key for a name that a client has sent. Bytes. Throws as `LocalCa.open`. */
  fileFor(serverName: string): string {
    const name = serverName.toLowerCase();
    const isOther = name.endsWith(LOCAL_SUFFIX) && !this.includes(name) && certificateName(toText(name)) === name;
    const key = isOther && (this.issued.has(name) || this.issued.size < MAX_NAMES) ? name : '';
    const issued = this.issued.get(key);
    if (issued !== undefined) {
      if (exists(issued)) return issued;
      // The CA was replaced, which removes its certificates.
      this.issued.clear();
      this.ca = null;
    }
    this.ca ??= LocalCa.open();
    const file = toBytes(this.ca.certificateFor(key === '' ? this.names : [key], 'run').file);
    this.issued.set(key, file);
    return file;
  }

  private includes(name: string): boolean {
    return this.known.has(name) || this.known.has(`*${name.slice(name.indexOf('.'))}`);
  }
}
