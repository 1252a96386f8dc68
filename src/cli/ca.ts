/** `tsproxy ca [ACTION]`: state of the local CA, and its place in trust stores. */
import { localCaDirectory } from './local-ca/directory.js';
import { LocalCa } from './local-ca/local-ca.js';
import { certificateName, constraintsWith, permits, refusalOfDomain } from './local-ca/permitted-names.js';
import type { TrustChange, TrustedRoot, TrustStore } from './local-ca/trust/trust-store.js';
import { thisMachine, trustStoresOf } from './local-ca/trust/trust-stores.js';
import { wrapped } from './paragraph.js';
import { print, printJson } from './stdout.js';
import { pageWidth } from './terminal.js';
import { visibleText } from './terminal-text.js';
import { UsageError } from './usage-error.js';

export type CaAction = 'status' | 'trust' | 'untrust' | 'remove';

export interface CaOptions {
  readonly json?: boolean;
}

/** Returns the exit code: 1 if something could not be done. Throws LocalCaError. */
export function ca(action: CaAction, names: readonly string[], options: CaOptions): number {
  if (action !== 'trust' && names.length > 0) throw new UsageError('only "tsproxy ca trust" takes names');
  switch (action) {
    case 'status':
      return status(options.json === true);
    case 'trust':
      return trust(names);
    case 'untrust':
      return untrust(LocalCa.existing());
    case 'remove':
      return remove();
  }
}

function status(json: boolean): number {
  const authority = LocalCa.existing();
  const root = rootOf(authority);
  const { stores, unreachable } = trustStoresOf(thisMachine());
  const states = stores.map((store) => ({ store: store.name, state: store.state(root) }));
  if (json) {
    printJson({
      directory: localCaDirectory(),
      root: authority?.rootFile ?? null,
      fingerprint: authority?.root.fingerprint256 ?? null,
      expires: authority === null ? null : new Date(authority.expires).toISOString(),
      permitted: authority?.permitted ?? [],
      stores: states,
    });
    return 0;
  }
  const lines =
    authority === null
      ? [
          `There is no local CA yet. It is created in ${localCaDirectory()} when a certificate is needed,`,
          'or by "tsproxy ca trust".',
        ]
      : described(authority);
  print(
    `${[...lines, '', 'Stores:', ...states.map(({ store, state }) => `  ${state.padEnd(12)} ${store}`)].join('\n')}\n`,
  );
  print(certutilAdvice(unreachable));
  return 0;
}

function described(authority: LocalCa): string[] {
  const indent = '             ';
  const permitted = wrapped(authority.permitted.join(', '), indent, pageWidth()).trimStart();
  return [
    `Certificate: ${authority.rootFile}`,
    `SHA-256:     ${authority.root.fingerprint256.slice(0, 47)}`,
    `${indent}${authority.root.fingerprint256.slice(48)}`,
    `Valid until: ${new Date(authority.expires).toISOString().slice(0, 10)}`,
    `Permits:     ${permitted}`,
  ];
}

function trust(names: readonly string[]): number {
  for (const name of names) {
    const refusal = refusalOfDomain(name);
    if (refusal !== null) throw new UsageError(`"${visibleText(name)}" ${refusal}`);
  }
  const authority = permitting(names.flatMap((name) => certificateName(name) ?? []));
  const root = { certificate: authority.root, file: authority.rootFile };
  const { stores, unreachable } = trustStoresOf(thisMachine());
  const count = changeAll(stores, 'trusted', (store) => store.add(root));
  print(certutilAdvice(unreachable));
  print(`Node.js programs: NODE_EXTRA_CA_CERTS=${authority.rootFile}\n`);
  print('Restart browsers that are running. "tsproxy ca remove" undoes the changes.\n');
  // Stores for which the user was given a command are not a failure, as long as others were changed.
  return count.done > 0 && count.failed === 0 ? 0 : 1;
}

/** The CA; created again if it does not permit all of the domains. */
function permitting(domains: readonly string[]): LocalCa {
  const existing = LocalCa.existing();
  const before = existing?.domains ?? [];
  const added = [...new Set(domains.filter((name) => !permits(constraintsWith(before), name)))];
  if (added.length === 0) return LocalCa.open();
  const authority = LocalCa.replace([...before, ...added]);
  if (existing !== null) print(`The local CA was created again; it permits ${added.join(', ')}, too.\n`);
  return authority;
}

function untrust(authority: LocalCa | null): number {
  const root = rootOf(authority);
  const { stores, unreachable } = trustStoresOf(thisMachine());
  const concerned = stores.filter((store) => store.state(root) !== 'not trusted');
  const { failed, byRoot } = changeAll(concerned, 'removed', (store) => store.remove(root));
  if (concerned.length === 0) print('No store trusts the local CA.\n');
  print(certutilAdvice(unreachable));
  return failed + byRoot === 0 ? 0 : 1;
}

function remove(): number {
  const directory = localCaDirectory();
  const code = untrust(LocalCa.existing());
  if (LocalCa.remove(directory)) print(`deleted      ${directory}\n`);
  return code;
}

/** Changes stores, and prints the results. Returns the number of stores by result. */
function changeAll(
  stores: readonly TrustStore[],
  done: string,
  change: (store: TrustStore) => TrustChange,
): { readonly done: number; readonly failed: number; readonly byRoot: number } {
  const count = { done: 0, failed: 0, byRoot: 0 };
  for (const store of stores) {
    const result = change(store);
    if (result.done) {
      count.done++;
      print(`${done.padEnd(12)} ${store.name}\n`);
      continue;
    }
    if (result.byHand?.startsWith('sudo ')) count.byRoot++;
    else count.failed++;
    print(`not changed  ${store.name}: ${visibleText(result.reason)}\n`);
    if (result.byHand !== null) print(`             ${result.byHand}\n`);
  }
  return count;
}

function certutilAdvice(browsers: readonly string[]): string {
  if (browsers.length === 0) return '';
  return `${browsers.join(' and ')}: install certutil (package libnss3-tools, nss-tools or nss), and run the command again.\n`;
}

function rootOf(authority: LocalCa | null): TrustedRoot | null {
  return authority === null ? null : { certificate: authority.root, file: authority.rootFile };
}
