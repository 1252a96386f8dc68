/** The system's store on Linux: OpenSSL, curl, and most programs other than browsers. Only root can change it. */

import { copyFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { shellWord } from '../../shell-word.js';
import { programIn, runProgram } from './run-program.js';
import {
  DONE,
  type Machine,
  type TrustChange,
  type TrustedRoot,
  type TrustState,
  type TrustStore,
} from './trust-store.js';

/**
 * Directories for certificates of the administrator, and the program that applies changes to them. `--fresh` also removes
 * links to certificates that were deleted.
 */
const LAYOUTS = [
  // Debian, Ubuntu, Alpine
  { directory: 'usr/local/share/ca-certificates', program: 'update-ca-certificates', words: ['--fresh'] },
  // Fedora, Red Hat
  { directory: 'etc/pki/ca-trust/source/anchors', program: 'update-ca-trust', words: ['extract'] },
  // SUSE
  { directory: 'etc/pki/trust/anchors', program: 'update-ca-certificates', words: ['--fresh'] },
  // Arch
  { directory: 'etc/ca-certificates/trust-source/anchors', program: 'update-ca-trust', words: [] },
  { directory: 'etc/ca-certificates/trust-source/anchors', program: 'trust', words: ['extract-compat'] },
] as const;

/** Directories of programs for the administrator, which are not in the `PATH` of every user. */
const ADMINISTRATION = ['usr/local/sbin', 'usr/sbin', 'sbin'];

/** The store; null if the system has none that is known. */
export function linuxSystemStore(machine: Machine): TrustStore | null {
  const path = [machine.environment.PATH ?? '', ...ADMINISTRATION.map((name) => join(machine.systemRoot, name))];
  const withAdministration = { ...machine, environment: { ...machine.environment, PATH: path.join(':') } };
  for (const { directory, program, words } of LAYOUTS) {
    const anchors = join(machine.systemRoot, directory);
    const update = programIn(withAdministration, program);
    if (update !== null && existsSync(anchors)) {
      return new LinuxSystemStore(withAdministration, anchors, [update, ...words]);
    }
  }
  return null;
}

class LinuxSystemStore implements TrustStore {
  readonly name: string;
  /** One for each user: users of a machine have different CAs. */
  private readonly file: string;

  constructor(
    private readonly machine: Machine,
    directory: string,
    private readonly update: readonly string[],
  ) {
    this.name = `system (${directory})`;
    this.file = join(directory, `tsproxy-local-ca-${machine.uid}.crt`);
  }

  state(root: TrustedRoot | null): TrustState {
    if (!existsSync(this.file)) return 'not trusted';
    return root !== null && readFileSync(this.file, 'latin1') === root.certificate.toString() ? 'trusted' : 'outdated';
  }

  add(root: TrustedRoot): TrustChange {
    if (this.state(root) === 'trusted') return DONE;
    const copy = ['install', '-m', '0644', root.file, this.file];
    return this.apply(copy, () => copyFileSync(root.file, this.file));
  }

  remove(): TrustChange {
    if (!existsSync(this.file)) return DONE;
    return this.apply(['rm', this.file], () => rmSync(this.file));
  }

  private apply(command: readonly string[], change: () => void): TrustChange {
    const byHand = [command, this.update].map((words) => `sudo ${words.map(shellWord).join(' ')}`).join(' && ');
    if (this.machine.uid !== 0) return { done: false, reason: 'only root can change it', byHand };
    try {
      change();
    } catch (error) {
      return { done: false, reason: (error as Error).message, byHand };
    }
    const [program = '', ...words] = this.update;
    const { code, message } = runProgram(this.machine, program, words);
    return code === 0 ? DONE : { done: false, reason: message, byHand };
  }
}
