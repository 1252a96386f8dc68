/** A headless Chromium for tests of pages. */
import { existsSync } from 'node:fs';
import { type Browser, launch } from 'puppeteer-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Path of the browser; undefined if none is installed. */
const executablePath = CANDIDATES.find(existsSync);

/** Reason to skip a test that needs a browser; false if there is one. */
export const noBrowser = executablePath === undefined ? 'chromium is not installed' : false;

/** Starts a browser with further arguments and variables of the environment; it is closed when the test ends. */
export async function browser(
  t: { after(fn: () => Promise<void>): void },
  words: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
): Promise<Browser> {
  const browser = await launch({
    executablePath: executablePath ?? '',
    // Chromium refuses to run its sandbox as root.
    args: ['--no-sandbox', ...words],
    env: { ...process.env, ...environment },
  });
  t.after(() => browser.close());
  return browser;
}
