/** Runs cases through a proxy, and without it: what both ends see is the same. */
import { startProxy, type TestProxy } from '../../kit/index.js';
import type { Case } from './cases.js';
import { CaseServer, EchoUnderTest, runAsClient, runAsServer } from './peers.js';

/** Cases that run at the same time. */
const CONCURRENT = 16;

const LINES = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

const EVERYTHING = `
  websocket_ping_interval 100ms; websocket_ping_timeout 60s; websocket_idle_timeout 1h; websocket_expire 1h;
  websocket_max_message_size 64m; websocket_max_frame_size 64m; websocket_max_fragments 100000;
  websocket_limit_messages 1000000/s burst=1000000; websocket_limit_bytes 10g/s delay; websocket_limit_from both;`;

/** Configurations of a location by name, which leave every case as it is. */
export const MODES = {
  plain: `${LINES} websocket_close off;`,
  tracked: LINES,
  everything: `${LINES} ${EVERYTHING}`,
} as const;

/** Modes in which the proxy sends no frames of its own, and those with limits. */
const SILENT: readonly string[] = ['plain'];
const LIMITED: readonly string[] = ['everything', 'messages'];

/** Lines about the Close frame that one end has received. */
function closeLine(code: number): RegExp {
  return new RegExp(`^(?:Close|closed with) ${code}: `);
}

/**
 * Whether the outcome of a case is right, given that without the proxy: it is the same, unless the proxy has to refuse the case, or
 * has to report the loss of the sender's connection to the other end.
 */
export function isRight(test: Case, mode: string, direct: readonly string[], outcome: readonly string[]): boolean {
  const { refused, end } = test;
  if (refused === 1002 || (refused === 1009 && LIMITED.includes(mode))) {
    // Without Close frames of the proxy, the connections just end.
    const code = SILENT.includes(mode) ? 1006 : refused;
    return outcome.some((line) => closeLine(code).test(line)) || (code === 1006 && !outcome.some(isClose));
  }
  if (end !== 'fin') return outcome.join('\n') === direct.join('\n');
  // What the receiver has answered meanwhile is lost with the sender.
  return outcome.every(
    (line) => direct.includes(line) || (!SILENT.includes(mode) && LOST.some((code) => code.test(line))),
  );
}

/**
 * The same for modes in which the proxy reads whole messages: fragments become one frame, messages are compressed anew, and of what
 * precedes an invalid frame the answers may be missing.
 */
export function isEquivalent({ deflate, end }: Case, direct: readonly string[], outcome: readonly string[]): boolean {
  const [expected, found] = [direct, outcome].map((lines) => lines.map(codeOf).find((code) => code !== null));
  if (end !== 'fin' && expected !== undefined && found !== expected) return false;
  if (deflate !== undefined || end !== 'close' || expected !== 1000) return !outcome.includes('hangs');
  const messages = (lines: readonly string[]): string => lines.filter((line) => MESSAGE.test(line)).join('\n');
  return messages(outcome) === messages(direct);
}

const MESSAGE = /^(?:[12]|text|binary): /;

/** Status code in a line about a Close frame; null in others, and for connections that ended without one. */
function codeOf(line: string): number | null {
  const code = Number(/^(?:Close|closed with) (\d+): /.exec(line)?.[1] ?? 1006);
  return code === 1006 ? null : code;
}

function isClose(line: string): boolean {
  return line.startsWith('Close ');
}

/** The client's connection was lost, and the upstream's. */
const LOST = [closeLine(1001), closeLine(1014)];

export class Suite {
  private constructor(
    private readonly cases: readonly Case[],
    private readonly echo: EchoUnderTest,
    private readonly server: CaseServer,
    private readonly proxy: TestProxy,
  ) {}

  static async start(cases: readonly Case[], modes: Readonly<Record<string, string>> = MODES): Promise<Suite> {
    const echo = await EchoUnderTest.start();
    const server = await CaseServer.start(cases);
    const locations = Object.entries(modes).map(
      ([name, directives]) => `
        location /echo/${name}/ { ${directives} proxy_pass http://127.0.0.1:${echo.port}; }
        location /case/${name}/ { ${directives} proxy_pass http://127.0.0.1:${server.port}; }`,
    );
    const proxy = await startProxy(`access_log off; server { listen 127.0.0.1:0; ${locations.join('')} }`);
    return new Suite(cases, echo, server, proxy);
  }

  async stop(): Promise<void> {
    await this.proxy.close();
    await this.echo.stop();
    await this.server.stop();
  }

  /** Outcomes of all cases sent by a client to an echo; `null`: without the proxy. */
  clients(mode: string | null): Promise<(readonly string[])[]> {
    const port = mode === null ? this.echo.port : this.proxy.port;
    return this.each((test) => runAsClient(port, `/echo/${mode}/`, test));
  }

  /** Outcomes of all cases sent by a server: what the client sees, and what the server receives. */
  servers(mode: string | null): Promise<(readonly string[])[]> {
    const port = mode === null ? this.server.port : this.proxy.port;
    return this.each(async (test, index) => {
      const path = `/case/${mode}/${index}`;
      const events = await runAsServer(port, path, test);
      return [...events, '| the server receives', ...(await this.server.outcome(path))];
    });
  }

  private async each<T>(run: (test: Case, index: number) => Promise<T>): Promise<T[]> {
    const { cases } = this;
    const outcomes = new Array<T>(cases.length);
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < cases.length) {
        const index = next++;
        outcomes[index] = await run(cases[index] as Case, index);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, work));
    return outcomes;
  }
}
