/**
 * The Dockerfile, without Docker: its steps are executed with an empty directory as the root of each stage. Three things differ:
 * the packages for building are those of the checkout, its compiled modules are not compiled again, and the user remains the same.
 */
import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { closedPort, until } from './kit/index.js';
import { ROOT } from './structure/sources.js';

interface Step {
  readonly name: string;
  readonly text: string;
}

/** Instructions, with continued lines joined and without comments. */
function stepsOf(dockerfile: string): Step[] {
  const lines = dockerfile.replace(/^#.*\n/gm, '').replace(/\\\n\s*/g, ' ');
  return [...lines.matchAll(/^([A-Z]+)\s+(.*)$/gm)].map(([, name = '', text = '']) => ({ name, text }));
}

const STEPS = stepsOf(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'));

/** The words of the last instruction of that name, an array of JSON. */
function wordsOf(name: string): string[] {
  const text = STEPS.findLast((step) => step.name === name)?.text ?? '';
  return JSON.parse(text.slice(text.indexOf('['))) as string[];
}

/** One stage: a directory that stands for the root of its file system. */
class Stage {
  readonly root: string;
  directory = '/';
  readonly env: Record<string, string> = {};

  constructor(parent: string, name: string) {
    this.root = join(parent, name);
    mkdirSync(this.root);
    for (const each of ['tmp', 'opt', 'etc']) mkdirSync(join(this.root, each));
  }

  /** Absolute paths below the directories of the image are those of the stage. */
  real(text: string): string {
    return text.replace(/(?<![\w./])\/(?=(?:tmp|opt|etc)\b)/g, `${this.root}/`);
  }

  path(text: string): string {
    return text.startsWith('/') ? this.real(text) : join(this.real(this.directory), text);
  }

  /** The variables that the image sets, and the search path with this Node.js. */
  get environment(): NodeJS.ProcessEnv {
    const { PATH = '', ...others } = this.env;
    const path = [PATH.replace(':$PATH', ''), dirname(process.execPath), process.env.PATH].filter(Boolean).join(':');
    return { ...process.env, ...others, PATH: this.real(path), npm_config_offline: 'true' };
  }
}

const parent = mkdtempSync(join(tmpdir(), 'tsproxy-image-'));
const stages: Stage[] = [];
const image = (): Stage => stages.at(-1) as Stage;
const names: string[] = [];
/** Commands that were executed. */
const executed: string[] = [];
let skip: string | null = null;

/** Ignored by `COPY .`, as .dockerignore says. */
const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n').filter(Boolean);

function copy(stage: Stage, text: string): void {
  const words = text.split(' ');
  const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
  const target = stage.path(words.pop() ?? '');
  for (const word of words) {
    const source = from === undefined ? join(ROOT, word) : stages[names.indexOf(from)]?.real(word);
    assert.ok(source !== undefined && existsSync(source), `COPY ${text}: there is no ${word}`);
    if (word !== '.' && from === undefined) {
      const into = text.endsWith('/') ? join(target, word) : target;
      mkdirSync(dirname(into), { recursive: true });
      cpSync(source, into, { recursive: true });
      continue;
    }
    for (const name of readdirSync(source)) {
      if (from === undefined && (ignored.includes(name) || /\.(tgz|log)$/.test(name))) continue;
      const filter = (path: string): boolean => from !== undefined || !path.includes('/node_modules');
      cpSync(join(source, name), join(target, name), { recursive: true, filter });
    }
  }
}

/** The compiled modules, without those of tests. */
function copyCompiled(stage: Stage): void {
  for (const name of ['src', 'grammar']) {
    const filter = (path: string): boolean => !/\.(map|cache)$/.test(path);
    cpSync(join(ROOT, 'dist', name), join(stage.path('dist'), name), { recursive: true, filter });
  }
}

async function run(stage: Stage, command: string): Promise<void> {
  const cwd = stage.real(stage.directory);
  // Installing for the build takes long, and would be what the checkout has.
  const first = /^npm ci(?! --omit)[^&]*/.exec(command)?.[0];
  if (first !== undefined) symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'));
  const rest = stage
    .real(first === undefined ? command : command.slice(first.length))
    .replace('npm cache clean --force', 'true')
    .replace('npm pack ', 'node pack.mjs prepare && npm pack --ignore-scripts ');
  executed.push(command);
  if (rest.trim() === '') return;
  const env = { ...stage.environment, PACKAGES: '' };
  // Sockets, as a parent in Node.js gives them, cannot be opened as /dev/stdout.
  const output = join(parent, 'output');
  await promisify(execFile)('/bin/sh', ['-c', `exec > ${output}; ${rest}`], { cwd, env, timeout: 170_000 });
}

before(async () => {
  chmodSync(parent, 0o755);
  for (const { name, text } of STEPS) {
    if (name === 'FROM') {
      const [, , alias = 'image'] = text.split(' ');
      names.push(alias);
      stages.push(new Stage(parent, alias));
    } else if (name === 'WORKDIR') {
      image().directory = text;
      mkdirSync(image().real(text), { recursive: true });
    } else if (name === 'COPY') {
      copy(image(), text);
      if (text === '. .') copyCompiled(image());
    } else if (name === 'ENV') {
      for (const [, key = '', value = ''] of text.matchAll(/(\w+)="([^"]*)"/g)) image().env[key] = value;
    } else if (name === 'RUN') {
      try {
        await run(image(), text);
      } catch (error) {
        if (!/ENOTCACHED/.test(String((error as { stderr?: string }).stderr))) throw error;
        skip = 'the cache of npm does not have the dependencies';
        return;
      }
    }
  }
});
after(() => rmSync(parent, { recursive: true, force: true }));

test('the steps of the Dockerfile can be executed in empty directories', (t) => {
  if (skip !== null) return t.skip(skip);
  assert.equal(stages.length, 2);
  assert.equal(executed.length, STEPS.filter(({ name }) => name === 'RUN').length);
  const installed = readdirSync(image().path('node_modules')).filter((name) => !name.startsWith('.'));
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: object };
  assert.deepEqual(installed, [...Object.keys(dependencies), 'xmlchars'].sort());
});

test('the image serves its page, is healthy, and ends at the signal with which it is stopped', async (t) => {
  if (skip !== null) return t.skip(skip);
  const port = await closedPort();
  const stage = image();
  const configuration = stage.real('/etc/tsproxy/nginx.conf');
  const text = readFileSync(configuration, 'utf8').replace('listen 8080', `listen 127.0.0.1:${port}`);
  assert.match(text, new RegExp(`:${port};`));
  writeFileSync(configuration, text);
  const [command = '', ...words] = [...wordsOf('ENTRYPOINT'), ...wordsOf('CMD')].map((word) => stage.real(word));
  const cwd = stage.real(stage.directory);
  const output = join(parent, 'output');
  const log = openSync(output, 'w');
  const env = { ...stage.environment, TMPDIR: stage.real('/tmp') };
  const child = spawn(command, words, { cwd, env, stdio: ['ignore', log, log] });
  closeSync(log);
  t.after(() => child.kill('SIGKILL'));
  const printed = (text: string): boolean => readFileSync(output, 'utf8').includes(text);
  await until('the image listens', () => printed('listening on') || child.exitCode !== null);
  assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /tsproxy runs/);
  await until('the request is logged', () => printed('"GET / HTTP/1.1" 200'));

  const [program = '', ...check] = wordsOf('HEALTHCHECK');
  const healthy = (url: string): number | null =>
    spawnSync(program, check, { env: { ...stage.environment, HEALTH_URL: url }, timeout: 60_000 }).status;
  assert.equal(healthy(`http://127.0.0.1:${port}/`), 0);
  assert.equal(healthy(`http://127.0.0.1:${await closedPort()}/`), 1);

  child.kill(STEPS.find(({ name }) => name === 'STOPSIGNAL')?.text as NodeJS.Signals);
  await until('the image has ended', () => child.exitCode !== null || child.signalCode !== null);
  assert.equal(child.exitCode, 0, readFileSync(output, 'utf8'));
});

test('the image does not run as root, and is described as such', () => {
  assert.equal(STEPS.findLast(({ name }) => name === 'USER')?.text, 'node');
  assert.equal(STEPS.find(({ name }) => name === 'EXPOSE')?.text, '8080');
  const compose = readFileSync(join(ROOT, 'compose.yaml'), 'utf8');
  assert.match(compose, /^ {4}build: \.$/m);
  assert.match(compose, /^ {6}- "8080:8080"$/m);
  assert.match(compose, /^ {4}read_only: true$/m);
  assert.match(compose, /^ {4}stop_signal: SIGQUIT$/m);
});
