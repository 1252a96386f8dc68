/** Directories in the user's files: that of the local CA, and those of other programs. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Directory of the XDG Base Directory Specification, which ignores relative paths: the variable's, or the default one. */
export function xdgDirectory(value: string | undefined, home: string, usual: string): string {
  return value !== undefined && isAbsolute(value) ? value : join(home, usual);
}

/** `TSPROXY_CA_DIRECTORY`, or a directory where the system stores data of applications. Absolute. */
export function localCaDirectory(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  const { TSPROXY_CA_DIRECTORY: own, XDG_DATA_HOME: data, LOCALAPPDATA: local, HOME: home = homedir() } = environment;
  if (own !== undefined && isAbsolute(own)) return own;
  if (platform === 'darwin') return join(home, 'Library/Application Support/tsproxy/ca');
  if (platform === 'win32') return join(local ?? join(home, 'AppData', 'Local'), 'tsproxy', 'ca');
  return join(xdgDirectory(data, home, '.local/share'), 'tsproxy/ca');
}
