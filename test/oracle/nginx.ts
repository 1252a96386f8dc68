/** The nginx that tsproxy is compared with: Debian's, or the binary that the environment variable NGINX names. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, READ_TIMEOUT, type Target } from '../kit/index.js';

export const NGINX = process.env.NGINX ?? '/usr/sbin/nginx';

/** Why the comparison cannot be made here, or false. */
export const unavailable: string | false = existsSync(NGINX) ? false : `${NGINX} is not installed`;

/** Its version, as `nginx -v` prints it: `1.22.1`. Empty where there is none. */
export function nginxVersion(): string {
  if (unavailable !== false) return '';
  return /nginx\/([\d.]+)/.exec(spawnSync(NGINX, ['-v'], { encoding: 'utf8' }).stderr)?.[1] ?? '';
}

/** Starts nginx in the foreground and without workers; it writes below `directory` only. Waits until `target` listens. */
export async function startNginx(directory: string, config: string, target: Target): Promise<ChildProcess> {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${directory}/${name};`)
    .join(' ');
  const text = `daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log info;\n${config.replace(
    /http\s*\{/,
    (http) => `${http} access_log off; ${temporary}`,
  )}`;
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, text, 'latin1');
  const child = spawn(NGINX, ['-p', directory, '-c', file, '-e', join(directory, 'error.log')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    output += part;
  });
  const deadline = Date.now() + READ_TIMEOUT;
  for (;;) {
    try {
      (await connect(target)).close();
      return child;
    } catch (error) {
      if (child.exitCode !== null || Date.now() > deadline) {
        child.kill();
        throw new Error(`nginx did not start: ${output}`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Ends it and waits for its exit. */
export async function stopNginx(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
