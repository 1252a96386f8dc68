/**
 * Hot reload of development servers through the proxy: Vite and Next, over HTTP/1.1 and HTTP/2, in Chromium.
 *
 *   node dist/bench/hot-reload.js [vite | next]
 *
 * Installs them from the registry into a temporary directory. The page must show a changed source without being loaded again.
 * Over HTTP/2 its WebSocket must be on a stream. Exits with 1 if one of them fails.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { launch } from 'puppeteer-core';
import { certificates, closedPort, until } from '../test/kit/index.js';
import { program } from './peers.js';
import { ProxyProcess } from './proxy-process.js';

/** A development server with a page that shows `TEXT`. */
interface DevelopmentServer {
  readonly packages: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  /** File that is changed: its text for a content of the page. */
  readonly changed: string;
  content(text: string): string;
  words(port: number): readonly string[];
}

const SERVERS: Readonly<Record<string, DevelopmentServer>> = {
  vite: {
    packages: { vite: '7.3.8' },
    files: {
      'index.html': '<!doctype html><p id="text"></p><script type="module" src="/main.js"></script>',
      'main.js':
        "import { text } from './text.js';\nconst show = (value) => { document.querySelector('#text').textContent = value; };\nshow(text);\nimport.meta.hot.accept('./text.js', (module) => show(module.text));\n",
    },
    changed: 'text.js',
    content: (text) => `export const text = '${text}';\n`,
    words: (port) => ['vite', '--host', '127.0.0.1', '--port', String(port), '--strictPort'],
  },
  next: {
    packages: { next: '15.5.29', react: '19.1.0', 'react-dom': '19.1.0' },
    files: {
      'next.config.mjs': "export default { allowedDevOrigins: ['127.0.0.1', 'localhost'] };\n",
      'app/layout.jsx':
        'export default function Layout({ children }) {\n  return <html><body>{children}</body></html>;\n}\n',
    },
    changed: 'app/page.jsx',
    content: (text) => `export default function Page() {\n  return <p id="text">${text}</p>;\n}\n`,
    words: (port) => ['next', 'dev', '-H', '127.0.0.1', '-p', String(port)],
  },
};

const print = (text: string): void => void process.stdout.write(`${text}\n`);

function write(directory: string, name: string, content: string): void {
  const path = join(directory, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    (response) => response.ok,
    () => false,
  );
}

async function check(name: string, directory: string): Promise<boolean> {
  const server = SERVERS[name];
  if (server === undefined) throw new Error(`unknown server ${name}`);
  const manifest = { private: true, type: 'module', dependencies: server.packages };
  write(directory, 'package.json', JSON.stringify(manifest));
  for (const [file, content] of Object.entries(server.files)) write(directory, file, content);
  write(directory, server.changed, server.content('first'));
  execFileSync('npm', ['install', '--silent', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: directory });
  const port = await closedPort();
  const child: ChildProcess = spawn('npx', server.words(port), {
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
    detached: true,
  });
  let passed = true;
  try {
    const deadline = Date.now() + 120_000;
    while (!(await answers(port))) if (Date.now() > deadline) throw new Error(`${name} does not answer`);
    for (const http2 of [false, true]) {
      write(directory, server.changed, server.content('first'));
      const updated = await updates(directory, server, port, http2);
      print(`${name} over HTTP/${http2 ? '2' : '1.1'}: ${updated ? 'the page was updated' : 'FAILED'}`);
      passed &&= updated;
    }
  } finally {
    const ended = once(child, 'close');
    if (child.pid !== undefined) process.kill(-child.pid);
    await ended;
  }
  return passed;
}

/** Whether a page shows a change without being loaded again, and its WebSocket used the version of HTTP. */
async function updates(
  directory: string,
  server: DevelopmentServer,
  backEnd: number,
  http2: boolean,
): Promise<boolean> {
  const port = await closedPort();
  const authority = certificates();
  const proxy = await ProxyProcess.start(
    `worker_processes 1; events {} http {
      log_format line '$server_protocol $http_upgrade'; websocket_log sockets.log line; access_log off;
      server { listen 127.0.0.1:${port} ssl; http2 ${http2 ? 'on' : 'off'}; http2_extended_connect ${http2 ? 'on' : 'off'};
        ssl_certificate ${authority.crt('ec')}; ssl_certificate_key ${authority.key('ec')};
        location / { proxy_websocket on; proxy_pass http://127.0.0.1:${backEnd}; proxy_set_header Host $http_host; } } }`,
    mkdtempSync(join(directory, 'proxy-')),
  );
  const browser = await launch({
    executablePath: program('chromium') ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--ignore-certificate-errors'],
  });
  try {
    const page = await browser.newPage();
    await page.goto(`https://127.0.0.1:${port}/`, { timeout: 120_000 });
    const shows = (text: string): Promise<unknown> =>
      page.waitForFunction(`document.querySelector('#text')?.textContent === '${text}'`, { timeout: 60_000 });
    await shows('first');
    await page.evaluate('window.loadedOnce = true');
    const version = http2 ? 'HTTP/2.0 websocket' : 'HTTP/1.1 websocket';
    const opened = (): boolean => readFileSync(join(proxy.directory, 'sockets.log'), 'utf8').includes(version);
    await until('the WebSocket is open', opened);
    write(directory, server.changed, server.content('second'));
    await shows('second');
    return (await page.evaluate('window.loadedOnce')) === true;
  } catch (error) {
    print(String(error));
    print(proxy.log.slice(-2000));
    return false;
  } finally {
    await browser.close();
    await proxy.stop();
  }
}

const [only] = process.argv.slice(2);
for (const name of only === undefined ? Object.keys(SERVERS) : [only]) {
  const directory = mkdtempSync(join(tmpdir(), `tsproxy-${name}-`));
  try {
    if (!(await check(name, directory))) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 20 });
  }
}
