/** The user's login keychain on macOS: Safari, Chromium, curl. The system asks the user for consent to a change. */

import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellWord } from '../../shell-word.js';
import { certificatesIn, commonNameOf, ROOT_NAME } from '../authority.js';
import { programIn, runProgram } from './run-program.js';
import {
  DONE,
  type Machine,
  type TrustChange,
  type TrustedRoot,
  type TrustState,
  type TrustStore,
} from './trust-store.js';

/** The store; null on other systems. */
export function macosKeychain(machine: Machine): TrustStore | null {
  if (machine.platform !== 'darwin') return null;
  const security = programIn(machine, 'security');
  return security === null ? null : new MacosKeychain(machine, security);
}

class MacosKeychain implements TrustStore {
  readonly name: string;
  private readonly keychain: string;

  constructor(
    private readonly machine: Machine,
    private readonly security: string,
  ) {
    this.keychain = join(machine.home, 'Library/Keychains/login.keychain-db');
    this.name = `keychain (${this.keychain})`;
  }

  state(root: TrustedRoot | null): TrustState {
    const stored = this.stored();
    if (stored.length === 0) return 'not trusted';
    if (root === null) return 'outdated';
    if (!stored.some(({ fingerprint256 }) => fingerprint256 === root.certificate.fingerprint256)) return 'outdated';
    return this.run('verify-cert', '-c', root.file, '-p', 'ssl', '-L').code === 0 ? 'trusted' : 'not trusted';
  }

  add(root: TrustedRoot): TrustChange {
    if (this.state(root) === 'trusted') return DONE;
    const removed = this.remove();
    if (!removed.done) return removed;
    return this.change('add-trusted-cert', '-r', 'trustRoot', '-p', 'ssl', '-k', this.keychain, root.file);
  }

  remove(): TrustChange {
    for (const certificate of this.stored()) {
      const changed = this.removeOne(certificate);
      if (!changed.done) return changed;
    }
    return DONE;
  }

  private removeOne(certificate: X509Certificate): TrustChange {
    const directory = mkdtempSync(join(tmpdir(), 'tsproxy-root-'));
    try {
      const file = join(directory, 'root.pem');
      writeFileSync(file, certificate.toString());
      // It fails if the certificate has no trust settings; deleting it is what matters.
      this.run('remove-trusted-cert', file);
      return this.change('delete-certificate', '-Z', certificate.fingerprint.replaceAll(':', ''), this.keychain);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** Roots of the local CA in the keychain. */
  private stored(): X509Certificate[] {
    const { stdout } = this.run('find-certificate', '-a', '-p', '-c', ROOT_NAME, this.keychain);
    return certificatesIn(stdout)
      .map((pem) => new X509Certificate(pem))
      .filter((certificate) => commonNameOf(certificate).startsWith(`${ROOT_NAME} `));
  }

  private change(...words: readonly string[]): TrustChange {
    const { code, message } = this.run(...words);
    if (code === 0) return DONE;
    return { done: false, reason: message, byHand: ['security', ...words].map(shellWord).join(' ') };
  }

  private run(...words: readonly string[]): ReturnType<typeof runProgram> {
    return runProgram(this.machine, this.security, words);
  }
}
