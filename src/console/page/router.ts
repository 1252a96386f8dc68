/** Location of the displayed view: `#/view/id`, so that back, reload and links work. */

/** Parts of the address, decoded. */
export function currentPath(): string[] {
  return location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .filter((part) => part !== '')
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
}

export function pathTo(...parts: readonly string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

export function navigate(...parts: readonly string[]): void {
  const target = pathTo(...parts);
  if (location.hash !== target) location.hash = target;
}
