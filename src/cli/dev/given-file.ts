/** The argument of `tsproxy dev`: a configuration, a directory that has one, or parts of one, such as a site. */
import { toText } from '../../diagnostics/byte-string.js';
import { confDirectoryOf } from '../../process/configuration.js';
import type { ConfigSelection } from '../invocation.js';
import { sourceOf } from '../paths.js';
import { type Tested, testedConfiguration } from '../tested-source.js';
import { exists } from './local-files.js';

/** Where a directory has its main configuration file: a checkout, or a copy of a file system. */
const MAIN_FILES = ['nginx.conf', 'conf/nginx.conf', 'nginx/nginx.conf', 'etc/nginx/nginx.conf'];

/** Directories of parts: relative names in them are relative to the directory above. */
const DIRECTORIES_OF_PARTS = /\/(?:conf\.d|http\.d|sites-(?:enabled|available)|site-confs|proxy-confs|snippets)\/$/;

/** Directives of `http` that packages of nginx add around a part. */
export const AROUND_PARTS = ['include /etc/nginx/mime.types;', 'default_type application/octet-stream;'];

/** Reads the configuration. Files that cannot be read are reported when they are checked. Rejects with a message in bytes. */
export async function givenConfiguration(which: ConfigSelection): Promise<Tested> {
  const { name } = sourceOf(which);
  const main = MAIN_FILES.map((each) => `${name}/${each}`).find(exists);
  const tested = await testedConfiguration(main === undefined ? which : { ...which, file: toText(main) });
  if (tested.parts.length === 0) return tested;
  const confDirectory = confDirectoryOf(tested.source).replace(DIRECTORIES_OF_PARTS, '/');
  return { ...tested, source: { ...tested.source, confDirectory } };
}
