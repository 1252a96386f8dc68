/** Questions of `tsproxy init` on a terminal. */
import { createInterface } from 'node:readline/promises';
import { UsageError } from '../usage-error.js';
import { directoryOf, type InitOptions, nameOf, portOf, serverOf } from './plan.js';

/** The user has ended the questions. */
export class Cancelled extends Error {}

/** Asks for what the options leave open. Rejects with Cancelled. */
export async function answeredOptions(
  options: InitOptions,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stdout,
): Promise<InitOptions> {
  const terminal = createInterface({ input, output });
  let cancel = (): void => {};
  const cancelled = new Promise<never>((_resolve, reject) => {
    cancel = () => reject(new Cancelled('cancelled: nothing was written'));
  });
  cancelled.catch(() => {});
  terminal.once('SIGINT', () => terminal.close());
  terminal.once('close', cancel);
  const ask = (question: string): Promise<string> => Promise.race([terminal.question(question), cancelled]);
  try {
    return await new Questions(ask, (text) => void output.write(`${text}\n`)).complete(options);
  } finally {
    terminal.off('close', cancel);
    terminal.close();
  }
}

class Questions {
  constructor(
    private readonly ask: (question: string) => Promise<string>,
    private readonly print: (text: string) => void,
  ) {}

  async complete(given: InitOptions): Promise<InitOptions> {
    this.print('An empty answer stands for the value in brackets; Ctrl-C ends without writing anything.\n');
    const upstream = given.upstream ?? (await this.servers(given.static === undefined ? 'http://localhost:3000' : '-'));
    const directory =
      given.static ??
      (await this.valid('Directory of static files, - for none', '-', (word) => word === '-' || directoryOf(word)));
    const files = directory === '-' ? {} : { static: directory };
    const application = upstream.length === 0 ? {} : { upstream };
    const websocket =
      given.websocket ?? (upstream.length > 0 && (await this.yes('Does the application use WebSockets?', true)));
    const sse =
      given.sse ??
      (upstream.length > 0 && (await this.yes('Does it send server-sent events (text/event-stream)?', false)));
    const spa =
      given.spa ??
      (directory !== '-' && upstream.length === 0 && (await this.yes('Is it a single-page application?', false)));
    const tls =
      given.tls ?? (given.cert === undefined && (await this.yes('TLS, with a certificate of the local CA?', false)));
    const isSecure = tls || given.cert !== undefined;
    const port = given.port ?? (await this.valid('Port', isSecure ? '8443' : '8080', portOf));
    const isPublic = given.public ?? (await this.yes('May other machines connect?', false));
    const names = given.name ?? (await this.names());
    return {
      ...given,
      ...application,
      ...files,
      ...(websocket && { websocket }),
      ...(sse && { sse }),
      ...(spa && { spa }),
      ...(tls && { tls }),
      ...(isPublic && { public: isPublic }),
      ...(names.length > 0 && { name: names }),
      port,
    };
  }

  private async servers(preset: string): Promise<readonly string[]> {
    const words = (text: string): string[] => (text === '-' ? [] : text.split(/[\s,]+/));
    const answer = await this.valid('Where does the application listen? URLs or ports, - for none', preset, (text) =>
      words(text).map(serverOf),
    );
    return words(answer);
  }

  private async names(): Promise<readonly string[]> {
    const words = (text: string): string[] => (text === '-' ? [] : text.split(/[\s,]+/));
    return words(await this.valid('Host names, - for any', '-', (text) => words(text).map(nameOf)));
  }

  /** Asks until `check` accepts the answer. */
  private async valid(question: string, preset: string, check: (answer: string) => unknown): Promise<string> {
    for (;;) {
      const answer = (await this.ask(`${question} [${preset}]: `)).trim() || preset;
      try {
        check(answer);
        return answer;
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        this.print([error.message, error.hint].filter((text) => text !== null).join('. '));
      }
    }
  }

  private async yes(question: string, preset: boolean): Promise<true | false> {
    for (;;) {
      const answer = (await this.ask(`${question} [${preset ? 'Y/n' : 'y/N'}]: `)).trim().toLowerCase();
      if (answer === '') return preset;
      if (/^y(?:es)?$/.test(answer)) return true;
      if (/^no?$/.test(answer)) return false;
      this.print('Answer y or n.');
    }
  }
}
