/** The development view: runs a site in this process, and shows its URLs, requests and findings in the terminal. */
import { toText } from '../../diagnostics/byte-string.js';
import { renderFindings } from '../../diagnostics/render.js';
import { COLOURED, PLAIN } from '../../diagnostics/style.js';
import type { LogEntry } from '../../logging/destination-log.js';
import type { Instance } from '../../process/instance.js';
import { ownInstance } from '../../process/own-instance.js';
import { RefusedConfig } from '../../process/refused-config.js';
import type { Serving } from '../../process/serving.js';
import { printError } from '../../process/standard-streams.js';
import { CREDENTIALS } from '../../tap/credentials.js';
import type { TapSettings } from '../../tap/settings.js';
import { tryPrint } from '../stdout.js';
import { colored } from '../terminal.js';
import { visibleText } from '../terminal-text.js';
import { banner, KEYS_TEXT, noticeLines } from './banner.js';
import { FileChanges, type FileVersions } from './file-changes.js';
import { GENERATED } from './generated-text.js';
import { readKeys } from './keys.js';
import { openUrl } from './open-url.js';
import { placeText, RequestLines } from './request-lines.js';
import type { PreparedSite, Site } from './site.js';

/** Rows that may wait for the terminal; further ones are counted. */
const MAX_ROWS = 2000;

const TAP: TapSettings = {
  kinds: ['http', 'websocket', 'sse'],
  payload: 0,
  queue: MAX_ROWS,
  redaction: { fields: [...CREDENTIALS], jsonPaths: [], patterns: [] },
};

/** Levels of the error log that are shown. */
const SHOWN_LEVELS: ReadonlySet<string> = new Set(['emerg', 'alert', 'crit', 'error']);

/** Maximum number of further attempts to find ports that are free. */
const MAX_ATTEMPTS = 10;
const PORT_IN_USE = /^bind\(\) to .* failed \(\d+: Address already in use\)/;
const PORT_NOT_PERMITTED = /^bind\(\) to .* failed \(\d+: Permission denied\)$/;

/** Runs the site until it is ended by a key or a signal; the exit code applies only if the start failed. */
export async function runSite(site: Site): Promise<number> {
  const view = new DevelopmentView(site);
  return view.run();
}

class DevelopmentView {
  private readonly style = colored(1) ? COLOURED : PLAIN;
  private readonly lines = new RequestLines(this.style, (place) => place?.file === GENERATED);
  private readonly changes = new FileChanges(
    (paths) => void this.reload(paths.map((path) => placeName(path)).join(', ')),
  );
  private instance: Instance<Serving> | null = null;
  private prepared: PreparedSite | null = null;
  /** Reloads are processed one at a time. */
  private queue: Promise<void> = Promise.resolve();
  private restoreTerminal = (): void => {};
  private ending = false;

  constructor(private readonly site: Site) {}

  async run(): Promise<number> {
    const end = (): void => this.end();
    // A terminal that is closed sends SIGHUP, too.
    const hangUp = (): void => this.end(true);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const) process.on(signal, end);
    // Of another program: reload.
    const hasTerminal = process.stdin.isTTY || process.stdout.isTTY;
    process.on('SIGHUP', () => (hasTerminal ? hangUp() : void this.reload('SIGHUP')));
    let prepared: PreparedSite;
    try {
      prepared = await this.start();
    } catch (error) {
      this.site.close?.();
      if (!(error instanceof RefusedConfig)) throw error;
      printError(refusalText(error));
      process.exit(1);
    }
    this.changes.watch(prepared.watched);
    this.restoreTerminal = readKeys(
      {
        r: () => void this.reload('r'),
        c: () => tryPrint('\x1b[2J\x1b[3J\x1b[H'),
        o: () => this.openConsole(),
        h: () => this.print([`  ${KEYS_TEXT}`]),
        q: end,
      },
      end,
      hangUp,
    );
    tryPrint(banner(this.site, prepared, process.stdin.isTTY === true, this.style));
    return 0;
  }

  /** Another program may take a port between its choice and its use: then others are chosen. */
  private async start(): Promise<PreparedSite> {
    for (let left = MAX_ATTEMPTS; ; left--) {
      const prepared = await this.site.prepare();
      try {
        const instance = this.instance ?? this.create(prepared);
        if (left === MAX_ATTEMPTS) await instance.start();
        else await instance.reload(prepared.source);
        this.prepared = this.withUrls(prepared, instance);
        return this.prepared;
      } catch (error) {
        if (!(error instanceof RefusedConfig) || !PORT_IN_USE.test(error.message) || left === 0) throw error;
        if (this.site.portsTaken?.() !== true) throw error;
      }
    }
  }

  private create({ source }: PreparedSite): Instance<Serving> {
    const instance = ownInstance({
      modules: this.site.modules,
      source,
      defaultErrorLog: (entry) => this.logged(entry),
      warn: printError,
      tools: async () => (await import('../../explain/configuration-tools.js')).configurationTools,
    });
    this.instance = instance;
    instance.subscribe({ settings: TAP, deliver: async (rows) => this.print(rows.map((row) => this.lines.line(row))) });
    return instance;
  }

  /** Prepares and applies the configuration again; if it is refused, the previous one continues to serve. */
  private reload(cause: string): Promise<void> {
    const done = this.queue.then(() => this.reloadNow(cause));
    this.queue = done.catch((error: unknown) => printError(`tsproxy dev: ${String(error)}`));
    return this.queue;
  }

  private async reloadNow(cause: string): Promise<void> {
    const { instance, prepared: before, style } = this;
    if (instance === null || before === null || this.ending) return;
    let watched: FileVersions = new Map();
    try {
      const prepared = await this.site.prepare();
      ({ watched } = prepared);
      const { findings } = await instance.reload(prepared.source);
      this.prepared = this.withUrls(prepared, instance);
      this.changes.watch(watched);
      const warnings = findings.filter(({ severity }) => severity === 'warning').length;
      const count = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
      this.print([style.hint(`  reloaded (${visibleText(cause)})${count}`), ...newLines(before, this.prepared, style)]);
    } catch (error) {
      if (!(error instanceof RefusedConfig)) throw error;
      // Also files that only the refused configuration includes: one of them may be the one to correct.
      this.changes.add(watched);
      this.print([
        refusalText(error),
        style.warning(`  not reloaded (${visibleText(cause)}): the previous configuration continues to serve`),
      ]);
    }
  }

  private withUrls(prepared: PreparedSite, { bound }: Instance<Serving>): PreparedSite {
    const urls = this.site.urlsOf?.(bound);
    return urls === undefined ? prepared : { ...prepared, urls };
  }

  private logged({ level, message }: LogEntry): void {
    if (SHOWN_LEVELS.has(level) && this.site.hidesError?.(message) !== true)
      this.print([this.style.warning(`  [${level}] ${visibleText(toText(message))}`)]);
  }

  private openConsole(): void {
    const url = this.prepared?.consoleUrl ?? null;
    this.print([`  ${url ?? 'this configuration has no console'}`]);
    if (url !== null) openUrl(url, () => this.print(['  no program opens URLs here: open it in a browser yourself']));
  }

  private print(lines: readonly (string | null)[]): void {
    const text = lines.flatMap((line) => (line === null ? [] : [`${line}\n`])).join('');
    // The terminal is gone.
    if (text !== '' && !tryPrint(text)) this.end(process.stdout.isTTY === true);
  }

  /** Ends without waiting for the browser's connections. `hungUp`: whether the terminal was closed. */
  private end(hungUp = false): void {
    if (this.ending) return;
    this.ending = true;
    try {
      this.changes.stop();
      void this.instance?.stop();
      this.site.close?.();
      this.restoreTerminal();
    } finally {
      // Node.js aborts in exit() if it cannot restore the mode of a terminal that was closed.
      if (hungUp) {
        process.removeAllListeners('SIGHUP');
        process.kill(process.pid, 'SIGHUP');
      } else process.exit(0);
    }
  }
}

function placeName(path: string): string {
  return placeText({ file: path, line: 0, column: 0 }).replace(/:0$/, '');
}

/** The reasons of a refusal: findings with their code frames. */
function refusalText({ findings, message }: RefusedConfig): string {
  if (findings.length > 0) return renderFindings(findings, { color: colored() }).trimEnd();
  const advice = PORT_NOT_PERMITTED.test(message) ? '; this user needs a port above 1023' : '';
  return `tsproxy: [emerg] ${toText(message)}${advice}`;
}

/** URLs and notices that the previous configuration did not have. */
function newLines(before: PreparedSite, now: PreparedSite, style: typeof PLAIN): string[] {
  const urls = new Set(before.urls.map(({ url }) => url));
  const notices = new Set(before.notices.map(({ subject, text }) => `${subject} ${text}`));
  return [
    ...now.urls.filter(({ url }) => !urls.has(url)).map(({ url }) => `  ${style.strong(visibleText(url))}`),
    ...noticeLines(
      now.notices.filter(({ subject, text }) => !notices.has(`${subject} ${text}`)),
      style,
    ),
  ];
}
