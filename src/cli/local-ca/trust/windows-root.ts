/** The user's store on Windows. It is changed by hand: Windows shows a warning, to which the user has to agree. */
import { commonNameOf, ROOT_NAME } from '../authority.js';
import type { Machine, TrustChange, TrustedRoot, TrustState, TrustStore } from './trust-store.js';

/** The store; null on other systems. */
export function windowsRoot({ platform }: Machine): TrustStore | null {
  return platform === 'win32' ? new WindowsRoot() : null;
}

class WindowsRoot implements TrustStore {
  readonly name = 'Windows (certificates of the current user)';

  state(): TrustState {
    return 'unknown';
  }

  add({ file }: TrustedRoot): TrustChange {
    return byHand(`certutil.exe -user -addstore Root "${file}"`);
  }

  remove(root: TrustedRoot | null): TrustChange {
    const name = root === null ? ROOT_NAME : commonNameOf(root.certificate);
    return byHand(`certutil.exe -user -delstore Root "${name}"`);
  }
}

function byHand(command: string): TrustChange {
  return { done: false, reason: 'it is changed by hand', byHand: command };
}
