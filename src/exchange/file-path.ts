/** Maps the URI to a file path: nginx's `ngx_http_map_uri_to_path`. */

import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';
import type { Location } from '../program/settings-key.js';
import { SettingsKey } from '../program/settings-key.js';
import { StateKey } from '../program/state-key.js';
import type { Template } from '../program/template.js';

/** A path in the file system, as byte string; `nativePath` converts it for `node:fs`. */
export interface FilePath {
  readonly path: string;
  /** Length of the part of `path` that comes from `root` or `alias`; the rest comes from the URI. */
  readonly root: number;
}

/** `root` and `alias` of a location; at most one of them is set. */
export interface FilePaths {
  readonly root: Template | null;
  readonly alias: Template | null;
  /** Length of the URI part that `alias` replaces: that of the location's name; -1 in a regex location: the whole URI. */
  readonly aliasLength: number;
  /** Base directory of a relative `root` or `alias`: the prefix. */
  readonly prefix: string;
}

export const FILE_PATHS = new SettingsKey<FilePaths>('file paths', {
  root: null,
  alias: null,
  aliasLength: 0,
  prefix: '/',
});

/** A URI that `try_files` found below the alias of a regex location, which otherwise is the whole path. */
const URI_BELOW_ALIAS = new StateKey<{ readonly uri: string; readonly location: Location }>('uri below alias');

/** Appends the current URI to the alias of this regex location. nginx: add_uri_to_alias. */
export function addUriToAlias(x: Exchange): void {
  x.setState(URI_BELOW_ALIAS, { uri: x.uri, location: x.location });
}

/** Absolute value of `root` or `alias` for this request: `$document_root`. */
export function documentRoot(x: Exchange): string {
  const { root, alias, prefix } = x.location.settings.get(FILE_PATHS);
  const value = (alias ?? root)?.of(x) ?? '';
  return value.startsWith('/') ? value : `${prefix}${prefix.endsWith('/') ? '' : '/'}${value}`;
}

/**
 * Returns the file path for the exchange's URI. Null, after logging, if an `alias` cannot be applied because `rewrite
 * ... break` removed the location's name from the URI; the response is 500.
 */
export function filePath(x: Exchange): FilePath | null {
  const { alias, aliasLength } = x.location.settings.get(FILE_PATHS);
  if (alias !== null && !x.validLocation) {
    logError(x, 'alert', `"alias" cannot be used in location "${x.location.name}" where URI was rewritten`);
    return null;
  }
  const root = documentRoot(x);
  if (alias === null) return { path: root + x.uri, root: root.length };
  if (aliasLength >= 0) return { path: root + x.uri.slice(aliasLength), root: root.length };
  const below = x.state(URI_BELOW_ALIAS);
  const added = below !== undefined && below.uri === x.uri && below.location === x.location;
  return { path: added ? root + x.uri : root, root: root.length };
}
