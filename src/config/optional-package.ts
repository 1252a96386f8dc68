/**
 * Packages that only some features need: optional peer dependencies, which are not installed with tsproxy, and are imported
 * when a feature needs them.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** An optional package is not installed. The message names the feature that needs it, and the command that installs it. */
export class MissingPackage extends Error {
  constructor(
    /** The feature, as the subject of a sentence: `directive "auth_jwt"`, `"tsproxy lsp"`. */
    readonly feature: string,
    readonly packages: readonly string[],
    /** The command that installs the packages. */
    readonly install: string,
  ) {
    super();
    this.message = `${this.summary}: ${install}`;
  }

  /** The message without the command. */
  get summary(): string {
    const { feature, packages } = this;
    return `${feature} needs the npm ${listed(packages)}, which ${packages.length === 1 ? 'is' : 'are'} not installed`;
  }
}

const require = createRequire(import.meta.url);

/** The error of a feature whose packages are not all installed, or null. None of them is loaded. */
export function missingPackage(feature: string, packages: readonly string[]): MissingPackage | null {
  return packages.every(isInstalled) ? null : new MissingPackage(feature, packages, installCommand(packages));
}

/** Whether Node finds a package. It may be installed while the proxy runs, for the next reload. */
function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch (error) {
    // A package without an entry for `require` is installed nevertheless.
    return (error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND';
  }
}

function listed(packages: readonly string[]): string {
  return `${packages.length === 1 ? 'package' : 'packages'} ${packages.map((name) => `"${name}"`).join(', ')}`;
}

/**
 * Result of `load`, which imports the packages; rejects with `MissingPackage` if one of them is not installed.
 *
 * @param feature subject of the message, see `MissingPackage`
 */
export async function importOptional<T>(
  feature: string,
  packages: readonly string[],
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw isMissing(error, packages) ? new MissingPackage(feature, packages, installCommand(packages)) : error;
  }
}

/** Whether an import failed because one of the packages, or a file of one, does not exist. */
function isMissing(error: unknown, packages: readonly string[]): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_MODULE_NOT_FOUND' && code !== 'MODULE_NOT_FOUND') return false;
  const [, missing = ''] = /Cannot find (?:package|module) '([^']*)'/.exec(message) ?? [];
  return packages.some((name) => missing === name || missing.startsWith(`${name}/`));
}

/** The command that installs optional packages, in the versions that tsproxy is tested with: `npm install jose@6`. */
export function installCommand(packages: readonly string[]): string {
  const { peerDependencies = {} } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { readonly peerDependencies?: Readonly<Record<string, string>> };
  const words = packages.map((name) => {
    // Versions before 1.0.0 are compatible if the second number is the same.
    const [version] = /(?:0\.)?\d+/.exec(peerDependencies[name] ?? '') ?? [];
    return version === undefined ? name : `${name}@${version}`;
  });
  return `npm install ${words.join(' ')}`;
}
