/** `tsproxy watch`: shows the traffic of a running proxy. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RowKind } from '../../console/feed-format.js';
import type { WatchOptions } from '../watch.js';
import { collectValues, type DeclareCommand } from './command.js';
import { addConsoleOptions, type ConsoleOptions, consoleUrl } from './console-option.js';

const KINDS: readonly RowKind[] = ['http', 'websocket', 'sse'];
/** Payload bytes shown by `--payload` without a number. */
const DEFAULT_PAYLOAD = 200;
const MAX_PAYLOAD = 1 << 20;

/** Options as commander gives them. */
type GivenOptions = Partial<Omit<WatchOptions, 'payload'>> & { readonly payload?: number | true } & ConsoleOptions;

export const watch: DeclareCommand = (program, take) => {
  const command = program
    .command('watch')
    .description('show the traffic of a running proxy through its console (the directive "console")');
  addConsoleOptions(command)
    .addOption(new Option('--kind <kind>', 'http, websocket or sse (repeatable; default: all)').argParser(kind))
    .option(
      '--path <pattern>',
      'only requests whose host and path contain the text, or match it as a whole if it has * or ?',
    )
    .addOption(new Option('--status <status>', 'only responses with 404, 5xx, … (repeatable)').argParser(status))
    .option('--id <id>', 'only the request, WebSocket or stream with this id (repeatable)', collectValues)
    .option('--no-frames', 'omit frames and events')
    .addOption(new Option('--payload [bytes]', `show payloads (default: ${DEFAULT_PAYLOAD} bytes)`).argParser(payload))
    .option('--json', 'print rows as lines of JSON')
    .option('--har <file>', 'write an HTTP archive (HAR) when the command ends')
    .addOption(new Option('--count <rows>', 'exit after this number of rows').argParser(count))
    .action((url: string | undefined, _options: unknown, used: Command) => {
      // Options that the program also defines are parsed as the program's.
      const { kind: kinds = KINDS, payload: bytes = 0, ...rest } = used.optsWithGlobals<GivenOptions>();
      const options = {
        ...rest,
        kind: kinds,
        status: rest.status ?? [],
        id: rest.id ?? [],
        frames: rest.frames !== false,
        payload: bytes === true ? DEFAULT_PAYLOAD : bytes,
      };
      take(async () => (await import('../watch.js')).watch(consoleUrl(url, options), options));
    });
};

function kind(text: string, before: readonly RowKind[] = []): readonly RowKind[] {
  const found = KINDS.find((each) => each === text);
  if (found === undefined) throw new InvalidArgumentError(`must be one of: ${KINDS.join(', ')}`);
  return [...before, found];
}

function status(text: string, before: readonly string[] = []): readonly string[] {
  const all = text.split(',');
  if (!all.every((each) => /^(?:[1-5]xx|[1-5]\d\d)$/.test(each))) {
    throw new InvalidArgumentError('must be a number such as 404, or a class such as 4xx');
  }
  return [...before, ...all];
}

function payload(text: string): number {
  const bytes = /^\d{1,7}$/.test(text) ? Number(text) : -1;
  if (bytes < 0 || bytes > MAX_PAYLOAD)
    throw new InvalidArgumentError(`must be a number of bytes up to ${MAX_PAYLOAD}`);
  return bytes;
}

function count(text: string): number {
  const rows = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (rows < 1) throw new InvalidArgumentError('must be at least 1');
  return rows;
}
