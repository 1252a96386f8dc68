/**
 * Sites of public projects under `tsproxy dev`, opened in a browser that trusts the local CA:
 *
 *   node dist/bench/dev-sites.js [--only WORD] [--keep] [--screenshots DIRECTORY] SOURCES
 *
 * SOURCES has copies of the projects, as OWNER/NAME (see sites.ts), and of discourse/discourse_docker. Their texts are used as
 * they are and are not part of this project. Each site runs as a user without privileges, without its certificates, users and
 * paths; only `--upstream` and `--map` are given. The local CA is created and trusted by `tsproxy ca trust` in a new directory of
 * that user, and Chromium opens the first page over https with this directory's database of certificates. Needs chromium and
 * certutil.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { type Browser, launch } from 'puppeteer-core';
import { MissingSource, SiteFiles } from './dev-sites/site-files.js';
import { APPLICATION, type DevSite, sites } from './dev-sites/sites.js';

const COMMAND = fileURLToPath(new URL('../../bin/tsproxy', import.meta.url));
/** `nobody` on Linux; used if this process has privileges. */
const UNPRIVILEGED = 65534;
/** Time for the start of a site, ms. */
const START_TIMEOUT = 60_000;

const { values, positionals } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    keep: { type: 'boolean', default: false },
    screenshots: { type: 'string' },
  },
  allowPositionals: true,
});
const [sources] = positionals;
if (sources === undefined) {
  process.stderr.write(
    'usage: node dist/bench/dev-sites.js [--only WORD] [--keep] [--screenshots DIRECTORY] SOURCES\n',
  );
  process.exit(2);
}

const isRoot = process.geteuid?.() === 0;
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-dev-sites-'));
const home = join(directory, 'home');
mkdirSync(home);
chmodSync(directory, 0o755);
if (isRoot) chownSync(home, UNPRIVILEGED, UNPRIVILEGED);

const identity = {
  env: { PATH: process.env.PATH, HOME: home, NO_COLOR: '1' },
  ...(isRoot && { uid: UNPRIVILEGED, gid: UNPRIVILEGED }),
};

function report(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The command as the user without privileges; throws if it fails. */
function run(...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [COMMAND, ...words], {
    ...identity,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`tsproxy ${words.join(' ')}: ${stderr}`);
  return stdout;
}

/** A server of an application: every page says so. */
async function startBackEnd(): Promise<Server> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>application</title><h1>${APPLICATION}</h1>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

class RunningSite {
  private output = '';

  private constructor(private readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (part: string) => (this.output += part));
  }

  /** Starts the command, and waits for its banner. */
  static async start(site: DevSite, root: string, backEnd: string): Promise<RunningSite> {
    const options = site.options.map((word) => word.replace('BACK', backEnd));
    const child = spawn(process.execPath, [COMMAND, 'dev', join(root, site.file), ...options], {
      ...identity,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = new RunningSite(child);
    const deadline = Date.now() + START_TIMEOUT;
    while (!/end with Ctrl-C/.test(running.output)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        await running.stop();
        throw new Error(`it does not start:\n${running.text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return running;
  }

  get text(): string {
    return stripVTControlCharacters(this.output).trimEnd();
  }

  /** URL of the first page as the banner names it: with the host, or with any https port. */
  url({ host }: DevSite): string {
    const local = host === 'localhost' ? host : `${host}.localhost`;
    const urls = [...this.text.matchAll(/https:\/\/([^\s/:]+)(?::(\d+))?/g)];
    const [, , port = '443'] = urls.find(([, name]) => name === local) ?? urls[0] ?? [];
    return `https://${local}:${port}/`;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await exited;
  }
}

/** Opens the first page; returns what is wrong with it, or null. */
async function open(browser: Browser, running: RunningSite, site: DevSite): Promise<string | null> {
  const url = running.url(site);
  const page = await browser.newPage();
  try {
    const response = await page.goto(url, { waitUntil: 'domcontentloaded', timeout: 30_000 });
    if (response === null) return `${url}: no response`;
    const issuer = response.securityDetails()?.issuer() ?? 'none';
    const text = String(await page.evaluate('document.body.innerText'));
    if (values.screenshots !== undefined)
      await page.screenshot({
        path: `${join(values.screenshots, site.name.replace(/\W+/g, '-'))}.png` as `${string}.png`,
      });
    if (response.status() !== 200) return `${url}: status ${response.status()}: ${text.slice(0, 300)}`;
    if (!/^tsproxy local issuer /.test(issuer)) return `${url}: certificate of ${issuer}`;
    if (!text.includes(site.shows)) return `${url}: shows ${JSON.stringify(text.slice(0, 300))}`;
    report(`  ${page.url()}: ${response.status()}, certificate of ${issuer}`);
    return null;
  } catch (error) {
    return `${url}: ${(error as Error).message}`;
  } finally {
    await page.close();
  }
}

async function check(browser: Browser, site: DevSite, number: number, backEnd: string): Promise<boolean> {
  const root = join(directory, String(number));
  report(site.name);
  let running: RunningSite | null = null;
  let problem: string | null;
  try {
    site.assemble(new SiteFiles(root, sources ?? ''));
    running = await RunningSite.start(site, root, backEnd);
    problem = await open(browser, running, site);
  } catch (error) {
    if (error instanceof MissingSource) problem = `skipped, ${error.message}`;
    else problem = (error as Error).message;
  } finally {
    await running?.stop();
  }
  if (problem !== null) report(`  FAILED: ${problem}`);
  if (running !== null && (problem !== null || values.keep)) report(running.text.replace(/^/gm, '    '));
  return problem === null;
}

const backEnd = await startBackEnd();
const address = `127.0.0.1:${(backEnd.address() as AddressInfo).port}`;
let passed = 0;
const chosen = sites.filter(({ name }) => name.includes(values.only));
try {
  report(run('ca', 'trust').trimEnd());
  // The database of the other user is read by this one.
  const browser = await launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--no-proxy-server'],
    env: { ...process.env, HOME: home },
  });
  try {
    for (const [i, site] of chosen.entries()) if (await check(browser, site, i, address)) passed++;
  } finally {
    await browser.close();
  }
  report(run('ca', 'remove').trimEnd());
} finally {
  backEnd.closeAllConnections();
  backEnd.close();
  if (values.keep) report(`kept: ${directory} (${readdirSync(directory).join(', ')})`);
  else rmSync(directory, { recursive: true, force: true });
}
report(`${passed} of ${chosen.length} sites show their first page over https`);
process.exitCode = passed === chosen.length ? 0 : 1;
