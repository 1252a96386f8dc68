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

/** What a command line asks for. */
export type Order =
  | { readonly do: 'run'; readonly which: Which }
  | {
      readonly do: 'test';
      readonly which: Which;
      readonly dump: boolean;
      readonly quiet: boolean;
      readonly json: boolean;
      readonly noEffect: boolean;
    }
  | { readonly do: 'signal'; readonly which: Which; readonly signal: SignalName }
  | { readonly do: 'version'; readonly configure: boolean; readonly next: Order | null }
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
  readonly v?: true;
  readonly V?: true;
  readonly listNoEffect?: true;
  readonly json?: true;
}

/** What options without a command ask for. */
export function orderOf(options: Options): Order {
  const which: Which = { file: options.c, prefix: options.p, errorLog: options.e, globals: options.g };
  const version = options.v === true || options.V === true;
  const asked = testOrSignal(options, which);
  if (version) return { do: 'version', configure: options.V === true, next: asked };
  return asked ?? { do: 'run', which };
}

function testOrSignal(options: Options, which: Which): Order | null {
  const dump = options.T === true;
  const noEffect = options.listNoEffect === true;
  const json = options.json === true;
  if (dump || options.t === true || noEffect || json) {
    return { do: 'test', which, dump, quiet: options.q === true, json, noEffect };
  }
  return options.s === undefined ? null : { do: 'signal', which, signal: options.s };
}
