/** Opens a URL in the user's browser. */
import { spawn } from 'node:child_process';

/** The program that opens URLs, by platform. */
const OPENERS: Readonly<Record<string, readonly [program: string, ...words: string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
};
const OTHER_OPENER = ['xdg-open'] as const;

/** `failed` is called if there is no such program. */
export function openUrl(url: string, failed: () => void): void {
  const [program, ...words] = OPENERS[process.platform] ?? OTHER_OPENER;
  const child = spawn(program, [...words, url], { stdio: 'ignore', detached: true });
  child.once('error', failed);
  child.unref();
}
