/** Directories of absolute paths, with their trailing slashes. */

/** Directory that contains a file. */
export function directoryOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The directory of a path and those above it, the innermost first, without the root. */
export function* directoriesAbove(path: string): Generator<string, undefined> {
  for (let at = directoryOf(path); at.length > 1; at = directoryOf(at.slice(0, -1))) yield at;
}
