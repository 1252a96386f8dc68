/** What a command line can ask for. */

/** Signals that `-s` sends. */
export const SIGNALS = { stop: 'SIGTERM', quit: 'SIGQUIT', reopen: 'SIGUSR1', reload: 'SIGHUP' } as const;
export type SignalName = keyof typeof SIGNALS;

/** Options that say which configuration is meant. */
export interface Which {
  /** `-c`, as given. */
  readonly file: string | undefined;
  /** `-p`, as given. */
  readonly prefix: string | undefined;
  /** `-e`, as given. */
  readonly errorLog: string | undefined;
  /** `-g`. */
  readonly globals: string | undefined;
}

/** How findings are shown: to a person, or to programs. */
export const FORMATS = ['text', 'json', 'sarif', 'github'] as const;
export type Format = (typeof FORMATS)[number];

/** What a command line asks for. */
export type Invocation =
  | { readonly do: 'run'; readonly which: Which }
  | {
      readonly do: 'test';
      readonly which: Which;
      /** Files and directories to test instead of `which.file`, as given. */
      readonly paths: readonly string[];
      readonly dump: boolean;
      readonly quiet: boolean;
      readonly format: Format;
      /** Warnings count as errors. */
      readonly strict: boolean;
      /** Codes that are not to be heard. */
      readonly ignored: readonly string[];
      /** Apply fixes to the files, or show what that would change. */
      readonly fix: 'apply' | 'show' | null;
      readonly noEffect: boolean;
    }
  | { readonly do: 'signal'; readonly which: Which; readonly signal: SignalName }
  | { readonly do: 'version'; readonly configure: boolean; readonly next: Invocation | null }
  /** A command that nginx has not; `run` carries it out and gives the exit code. */
  | { readonly do: 'command'; readonly run: () => Promise<number> }
  /** There is nothing (more) to do but to say this. */
  | { readonly do: 'say'; readonly text: string; readonly stream: 'stdout' | 'stderr'; readonly code: number };

/** The options as written, by their letters. */
export interface Options {
  readonly c?: string;
  readonly p?: string;
  readonly e?: string;
  readonly g?: string;
  readonly s?: SignalName;
  readonly t?: true;
  readonly T?: true;
  readonly q?: true;
  readonly version?: true;
  readonly V?: true;
  readonly listNoEffect?: true;
  readonly json?: true;
  readonly format?: Format;
  readonly strict?: true;
  readonly ignore?: readonly string[];
  readonly fix?: true;
  readonly dryRun?: true;
}

/** The order that options without a command give; `paths`: files that `-t` tests instead of `-c`. */
export function invocationOf(options: Options, paths: readonly string[] = []): Invocation {
  const which: Which = { file: options.c, prefix: options.p, errorLog: options.e, globals: options.g };
  const version = options.version === true || options.V === true;
  const asked = testOrSignal(options, which, paths);
  if (version) return { do: 'version', configure: options.V === true, next: asked };
  return asked ?? { do: 'run', which };
}

function testOrSignal(options: Options, which: Which, paths: readonly string[]): Invocation | null {
  const { t, T, q, s, json, listNoEffect, strict, fix, dryRun, ignore = [] } = options;
  const format = options.format ?? (json === true ? 'json' : null);
  if ([t, T, json, listNoEffect, strict, fix, dryRun].includes(true) || format !== null || ignore.length > 0) {
    return {
      do: 'test',
      which,
      paths,
      dump: T === true,
      quiet: q === true,
      format: format ?? 'text',
      strict: strict === true,
      ignored: ignore,
      fix: dryRun === true ? 'show' : fix === true ? 'apply' : null,
      noEffect: listNoEffect === true,
    };
  }
  return s === undefined ? null : { do: 'signal', which, signal: s };
}
