/** Databases of NSS, which Chromium (on Linux) and Firefox use, through its program `certutil`. */

import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { shellWord } from '../../shell-word.js';
import { CA_NAME } from '../authority.js';
import { xdgDirectory } from '../directory.js';
import { programIn, runProgram } from './run-program.js';
import {
  DONE,
  type Machine,
  type TrustChange,
  type TrustedRoot,
  type TrustState,
  type TrustStore,
} from './trust-store.js';

/** Name of the root in a database. It is the same for each root, so that an earlier one is found. */
const NICKNAME = CA_NAME;
/** A certificate may be in a database several times. */
const MAX_COPIES = 10;

/** The databases of the user's browsers. Without `certutil`: the names of the browsers whose databases cannot be changed. */
export function nssStores(machine: Machine): { readonly stores: TrustStore[]; readonly unreachable: string[] } {
  const databases = databasesOf(machine);
  const certutil = programIn(machine, 'certutil');
  if (certutil === null) return { stores: [], unreachable: [...new Set(databases.map(({ browser }) => browser))] };
  return { stores: databases.map((database) => new NssStore(machine, certutil, database)), unreachable: [] };
}

interface Database {
  readonly browser: string;
  readonly directory: string;
}

function databasesOf(machine: Machine): Database[] {
  return [...chromiumDatabases(machine), ...firefoxDatabases(machine)];
}

function chromiumDatabases({ platform, environment, home }: Machine): Database[] {
  // On macOS Chromium uses the system's store.
  if (platform !== 'linux') return [];
  const first = join(home, '.pki/nssdb');
  const others = [
    join(xdgDirectory(environment.XDG_DATA_HOME, home, '.local/share'), 'pki/nssdb'),
    join(home, 'snap/chromium/current/.pki/nssdb'),
    join(home, '.var/app/org.chromium.Chromium/data/pki/nssdb'),
  ].filter((directory) => existsSync(join(directory, 'cert9.db')));
  // If there is none yet, the first one is created: Chromium uses it when it is started.
  const existing = existsSync(join(first, 'cert9.db')) || others.length === 0 ? [first, ...others] : others;
  return existing.map((directory) => ({ browser: 'Chromium', directory }));
}

function firefoxDatabases({ platform, environment, home }: Machine): Database[] {
  const profiles =
    platform === 'darwin'
      ? [join(home, 'Library/Application Support/Firefox/Profiles')]
      : [
          join(home, '.mozilla/firefox'),
          join(xdgDirectory(environment.XDG_CONFIG_HOME, home, '.config'), 'mozilla/firefox'),
          join(home, 'snap/firefox/common/.mozilla/firefox'),
          join(home, '.var/app/org.mozilla.firefox/.mozilla/firefox'),
        ];
  return profiles
    .flatMap((parent) => namesIn(parent).map((name) => join(parent, name)))
    .filter((directory) => existsSync(join(directory, 'cert9.db')))
    .map((directory) => ({ browser: 'Firefox', directory }));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

class NssStore implements TrustStore {
  readonly name: string;
  private readonly directory: string;

  constructor(
    private readonly machine: Machine,
    private readonly certutil: string,
    { browser, directory }: Database,
  ) {
    this.name = `${browser} (${directory})`;
    this.directory = directory;
  }

  state(root: TrustedRoot | null): TrustState {
    if (!this.exists()) return 'not trusted';
    const { code, stdout } = this.run('-L', '-n', NICKNAME, '-a');
    if (code !== 0) return 'not trusted';
    if (root === null || fingerprint(stdout) !== root.certificate.fingerprint256) return 'outdated';
    // Without the flag C the certificate is known, but not trusted.
    const flags = this.run('-L')
      .stdout.split('\n')
      .find((line) => line.startsWith(`${NICKNAME} `));
    return /C[A-Za-z]*,[^,]*,[^,]*$/.test(flags?.trim() ?? '') ? 'trusted' : 'not trusted';
  }

  add(root: TrustedRoot): TrustChange {
    if (!this.exists()) {
      try {
        mkdirSync(this.directory, { recursive: true, mode: 0o700 });
      } catch (error) {
        return { done: false, reason: (error as Error).message, byHand: null };
      }
      const { code, message } = this.run('-N', '--empty-password');
      if (code !== 0) return this.failure(message, root);
    } else {
      const removed = this.remove();
      if (!removed.done) return removed;
    }
    const { code, message } = this.run('-A', '-n', NICKNAME, '-t', 'C,,', '-i', root.file);
    if (code === 0) return DONE;
    // A database with a password has taken the certificate, but not its flags.
    this.remove();
    return this.failure(message, root);
  }

  remove(): TrustChange {
    if (!this.exists()) return DONE;
    for (let left = MAX_COPIES; left > 0; left--) {
      if (this.run('-L', '-n', NICKNAME).code !== 0) return DONE;
      const { code, message } = this.run('-D', '-n', NICKNAME);
      if (code !== 0) return { done: false, reason: message, byHand: this.command('-D', '-n', NICKNAME) };
    }
    return { done: false, reason: 'the certificate is still in it', byHand: this.command('-D', '-n', NICKNAME) };
  }

  private failure(message: string, { file }: TrustedRoot): TrustChange {
    const hasPassword = /SEC_ERROR_BAD_PASSWORD/.test(message);
    const reason = hasPassword ? 'the database has a password, for which certutil asks' : message;
    return { done: false, reason, byHand: this.command('-A', '-n', NICKNAME, '-t', 'C,,', '-i', file) };
  }

  private exists(): boolean {
    return existsSync(join(this.directory, 'cert9.db'));
  }

  private run(action: string, ...words: readonly string[]): ReturnType<typeof runProgram> {
    return runProgram(this.machine, this.certutil, [action, '-d', `sql:${this.directory}`, ...words]);
  }

  private command(action: string, ...words: readonly string[]): string {
    return ['certutil', action, '-d', `sql:${this.directory}`, ...words].map(shellWord).join(' ');
  }
}

function fingerprint(pem: string): string | null {
  try {
    return new X509Certificate(pem).fingerprint256;
  } catch {
    return null;
  }
}
