/** Directory of the local CA in the user's files. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `TSPROXY_CA_DIRECTORY`, or a directory where the system stores data of applications. Absolute. */
export function localCaDirectory(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): string {
  const { TSPROXY_CA_DIRECTORY: own, XDG_DATA_HOME: data, LOCALAPPDATA: local, HOME: home = homedir() } = environment;
  if (own !== undefined && isAbsolute(own)) return own;
  if (platform === 'darwin') return join(home, 'Library/Application Support/tsproxy/ca');
  if (platform === 'win32') return join(local ?? join(home, 'AppData', 'Local'), 'tsproxy', 'ca');
  // The XDG Base Directory Specification ignores relative paths.
  return join(data !== undefined && isAbsolute(data) ? data : join(home, '.local/share'), 'tsproxy/ca');
}
