/** Versions of nginx, and ranges of them in the notation of its security advisories. */

export type Version = readonly [major: number, minor: number, patch: number];

/** Oldest release that the tables cover. */
export const OLDEST = '1.0.0';

/** Parses `1.29.3`; null for anything else. */
export function parseVersion(text: string): Version | null {
  const [, major, minor, patch] = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text) ?? [];
  return patch === undefined ? null : [Number(major), Number(minor), Number(patch)];
}

/** Whether a version is at least another one. */
export function isAtLeast(version: Version, other: string): boolean {
  return compare(version, versionOf(other)) >= 0;
}

/** Whether a version is in `1.0.7-1.0.15, 1.1.3-1.23.1`; a single version is a range of its own. */
export function isInRanges(version: Version, ranges: string): boolean {
  return ranges.split(', ').some((range) => {
    const [from = '', to = from] = range.split('-');
    return isAtLeast(version, from) && compare(version, versionOf(to)) <= 0;
  });
}

/** Whether a release has a fix of `1.31.3, 1.30.4`: it is at least the first version, or at least another one of its branch. */
export function isFixed(version: Version, fixes: string): boolean {
  return fixes.split(', ').some((fix, i) => {
    const [major, minor] = versionOf(fix);
    const isOfBranch = version[0] === major && version[1] === minor;
    return isAtLeast(version, fix) && (i === 0 || isOfBranch);
  });
}

function versionOf(text: string): Version {
  const version = parseVersion(text);
  if (version === null) throw new Error(`"${text}" is not a version`);
  return version;
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}
