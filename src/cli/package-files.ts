/** Files of the package. This file is as far below the package's directory as the bundle that contains it. */
import { fileURLToPath } from 'node:url';

/** Absolute path of a file in the directory `conf/` of the package. */
export function packagedConf(name: string): string {
  return fileURLToPath(new URL(`../../../conf/${name}`, import.meta.url));
}
