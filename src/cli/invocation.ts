/** The actions that a command line can request. */
import type { Enclosing } from '../fragments/blocks.js';
import type { Version } from '../lints/release/version.js';

/** Signals that `-s` sends. */
export const SIGNALS = { stop: 'SIGTERM', quit: 'SIGQUIT', reopen: 'SIGUSR1', reload: 'SIGHUP' } as const;
export type SignalName = keyof typeof SIGNALS;

/** Options that select a configuration. */
export interface ConfigSelection {
  /** `-c`, as given. */
  readonly file: string | undefined;
  /** `-p`, as given. */
  readonly prefix: string | undefined;
  /** `-e`, as given. */
  readonly errorLog: string | undefined;
  /** `-g`, and directives that other options stand for. */
  readonly globals: string | undefined;
}

/** Output formats of findings: text for people, the others for programs. */
export const FORMATS = ['text', 'json', 'sarif', 'github'] as const;
export type Format = (typeof FORMATS)[number];

/** The action requested by a command line. */
export type Invocation =
  | { readonly do: 'run'; readonly which: ConfigSelection }
  | {
      readonly do: 'test';
      readonly which: ConfigSelection;
      /** Files and directories to test instead of `which.file`, as given. */
      readonly paths: readonly string[];
      /** Block of which the texts are parts; null to detect it. */
      readonly as: Enclosing | null;
      readonly dump: boolean;
      readonly quiet: boolean;
      readonly format: Format;
      /** Warnings count as errors. */
      readonly strict: boolean;
      /** Release of nginx to test for; null for tsproxy. */
      readonly nginx: Version | null;
      /** The text shows equal findings one by one. */
      readonly all: boolean;
      /** Codes to suppress. */
      readonly ignored: readonly string[];
      /** Apply fixes to the files, or show the changes only. */
      readonly fix: 'apply' | 'show' | null;
      readonly noEffect: boolean;
    }
  | { readonly do: 'signal'; readonly which: ConfigSelection; readonly signal: SignalName }
  | { readonly do: 'version'; readonly configure: boolean; readonly next: Invocation | null }
  /** A command that nginx does not have; `run` executes it and returns the exit code. */
  | { readonly do: 'command'; readonly name: string; readonly run: () => Promise<number> }
  /** Print a text and exit. */
  | { readonly do: 'print'; readonly text: string; readonly stream: 'stdout' | 'stderr'; readonly code: number };

/** Options as written, by letter. */
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
  readonly as?: Enclosing;
  readonly all?: true;
  readonly nginx?: Version;
  readonly allowUnsupported?: true;
}

/** Directives of `-g` that also allow unsupported features. */
export function allowingUnsupported(globals = ''): string {
  return `allow_unsupported on; ${globals}`;
}

/** Directives read before the configuration file: those of `-g`, and `allow_unsupported` if the option is given. */
export function globalsOf({ g, allowUnsupported }: Pick<Options, 'g' | 'allowUnsupported'>): string | undefined {
  return allowUnsupported === true ? allowingUnsupported(g) : g;
}

/** The action for options without a command; `paths`: files that `-t` tests instead of `-c`. */
export function invocationOf(options: Options, paths: readonly string[] = []): Invocation {
  const which: ConfigSelection = {
    file: options.c,
    prefix: options.p,
    errorLog: options.e,
    globals: globalsOf(options),
  };
  const version = options.version === true || options.V === true;
  const asked = testOrSignal(options, which, paths);
  if (version) return { do: 'version', configure: options.V === true, next: asked };
  return asked ?? { do: 'run', which };
}

function testOrSignal(options: Options, which: ConfigSelection, paths: readonly string[]): Invocation | null {
  const { t, T, q, s, json, listNoEffect, strict, fix, dryRun, ignore = [] } = options;
  const format = options.format ?? (json === true ? 'json' : null);
  if ([t, T, json, listNoEffect, strict, fix, dryRun].includes(true) || format !== null || ignore.length > 0) {
    return {
      do: 'test',
      which,
      paths,
      as: options.as ?? null,
      dump: T === true,
      quiet: q === true,
      format: format ?? 'text',
      strict: strict === true,
      nginx: options.nginx ?? null,
      all: options.all === true,
      ignored: ignore,
      fix: dryRun === true ? 'show' : fix === true ? 'apply' : null,
      noEffect: listNoEffect === true,
    };
  }
  return s === undefined ? null : { do: 'signal', which, signal: s };
}
