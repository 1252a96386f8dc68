/** The trust stores of this machine. */
import { homedir } from 'node:os';
import { linuxSystemStore } from './linux-system.js';
import { macosKeychain } from './macos-keychain.js';
import { nssStores } from './nss.js';
import type { Machine, TrustStore } from './trust-store.js';
import { windowsRoot } from './windows-root.js';

export function thisMachine(): Machine {
  return {
    platform: process.platform,
    environment: process.env,
    home: process.env.HOME ?? homedir(),
    uid: process.geteuid?.() ?? null,
    systemRoot: '/',
  };
}

/** The stores that can be changed, and the browsers whose databases cannot, because `certutil` is not installed. */
export function trustStoresOf(machine: Machine): { readonly stores: TrustStore[]; readonly unreachable: string[] } {
  const { stores, unreachable } = nssStores(machine);
  const system = [
    machine.platform === 'linux' ? linuxSystemStore(machine) : null,
    macosKeychain(machine),
    windowsRoot(machine),
  ];
  return { stores: [...stores, ...system.flatMap((store) => store ?? [])], unreachable };
}
