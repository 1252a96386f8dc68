/** The console of a location, and data of its table for the console's resources. */
import os from 'node:os';
import type { FeedSettings } from '../../console/feed-settings.js';
import type { Compiler, Shared } from '../../program/module.js';
import { deriveKey } from '../../program/secret.js';
import type { RedactionSettings } from '../../tap/settings.js';
import type { Tap } from '../../tap/tap.js';
import { compiledTunnels, type Tunnels } from '../../tunnel/tunnels.js';
import { WorkerGroup } from '../../zones/worker-group.js';

const KEY = 'console';

/** Settings of a location with a console. */
export interface ConsoleSettings {
  /** Name of the location, with a slash at its end. */
  readonly prefix: string;
  /** Whether the proxy can be controlled. */
  readonly control: boolean;
  /** Whether requests can be repeated; false without control. */
  readonly replay: boolean;
  /** Whether rows include payloads. */
  readonly payload: boolean;
  readonly redaction: RedactionSettings;
}

/** A question of the console to all workers. */
export type ConsoleQuestion = { readonly about: string };

/** Resource that is closed when its table is no longer in force, unless it moves to the next one. */
export interface Viewing {
  /** The table is no longer in force. */
  superseded(): void;
}

/** The consoles of a table: one object for each. */
export class ConsoleTable {
  readonly tap: Tap;
  readonly tunnels: Tunnels;
  /** Value of `X-Console-Token`: the same in all workers and generations, unpredictable for others. */
  readonly token: string;
  /** Number of worker processes. */
  readonly workers: number;
  readonly viewers = new Set<Viewing>();
  private readonly group: WorkerGroup;
  /** Answers of this worker to questions of any worker, by their subject. */
  private readonly answers = new Map<string, (question: ConsoleQuestion) => unknown>();

  constructor(readonly compiler: Compiler) {
    this.tap = compiler.tap;
    // Includes the tunnels of earlier tables.
    this.tunnels = compiledTunnels(compiler);
    this.token = deriveKey(compiler.secret, 'console', 24).toString('base64url');
    this.workers = compiler.zones.shared ? workersOf(compiler) : 1;
    this.group = new WorkerGroup(compiler.zones, KEY, (question) => {
      const { about } = question as ConsoleQuestion;
      return this.answers.get(about)?.(question as ConsoleQuestion) ?? null;
    });
  }

  /** Sets the answer of this worker to questions about a subject. */
  answer(about: string, respond: (question: ConsoleQuestion) => unknown): void {
    this.answers.set(about, respond);
  }

  /** Answers of all workers, beginning with this one. */
  ask(question: ConsoleQuestion): Promise<unknown[]> {
    return this.group.ask(question);
  }

  enforced(): void {}

  superseded(): void {
    for (const viewer of [...this.viewers]) viewer.superseded();
  }

  close(): void {
    this.group.close();
  }
}

function workersOf({ config }: Compiler): number {
  const { worker_processes: number } = config.values;
  return typeof number === 'number' ? number : os.availableParallelism();
}

/** The consoles of a table that is being compiled. */
export function consoleTable(compiler: Compiler): ConsoleTable {
  const { shared } = compiler;
  return shared.get<ConsoleTable>(KEY) ?? shared.set(KEY, new ConsoleTable(compiler));
}

/** The consoles of a table; undefined: it has none. */
export function consoleOf(shared: Shared): ConsoleTable | undefined {
  return shared.get<ConsoleTable>(KEY);
}

/** Settings of a feed that a viewer of the console has requested. */
export function feedSettings(
  { payload, redaction }: ConsoleSettings,
  wanted: Pick<FeedSettings, 'kinds' | 'frames' | 'payload'>,
): FeedSettings {
  return { ...wanted, payload: payload ? wanted.payload : 0, redaction };
}
