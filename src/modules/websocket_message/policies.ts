/** Policies about the messages of a WebSocket, as message handlers. */
import { isUtf8 } from 'node:buffer';
import type { Level } from '../../config/log-level.js';
import type { Expression } from '../../config/pcre/expression.js';
import { MatchFailed } from '../../config/pcre/match-failed.js';
import { logError } from '../../program/error-context.js';
import type { Exchange } from '../../program/exchange.js';
import { searchFor } from '../../program/pattern-search.js';
import { StateKey } from '../../program/state-key.js';
import { INVALID_DATA, POLICY_VIOLATION } from '../../websocket/close-codes.js';
import type { Decision, Message, MessageHandler } from '../../websocket/message-handler.js';

export type Sender = 'client' | 'upstream';

/** Senders to whose messages a policy applies. */
export type From = Sender | 'both';

export type MessageStatus = 'PASSED' | 'REJECTED' | 'REJECTED_DRY_RUN';

export const STATUS = new StateKey<MessageStatus>('websocket_message status', 'request');

/** Treatment of rejected messages. */
export interface Rejection {
  readonly drop: boolean;
  readonly dryRun: boolean;
  readonly level: Level;
}

/** Handler that has nothing to release. */
abstract class Policy implements MessageHandler {
  abstract handle(message: Message): Decision;
  dispose(): void {}
}

/** A policy that rejects messages. Each reason is logged once per direction. */
abstract class Check extends Policy {
  private readonly logged = new Set<string>();

  constructor(
    protected readonly x: Exchange,
    private readonly sender: Sender,
    private readonly rejection: Rejection,
  ) {
    super();
  }

  /** Rejects a message: null in a dry run. `drops`: unless it must close the WebSocket in any case. */
  protected reject(problem: string, code: number, reason: string, drops = true): Decision {
    const { drop, dryRun, level } = this.rejection;
    this.x.setState(STATUS, dryRun ? 'REJECTED_DRY_RUN' : 'REJECTED');
    if (!this.logged.has(problem)) {
      this.logged.add(problem);
      logError(this.x, level, `rejecting WebSocket message${dryRun ? ', dry run' : ''}: ${this.sender}'s ${problem}`);
    }
    if (dryRun) return null;
    return drop && drops ? { action: 'drop' } : { action: 'close', code, reason };
  }
}

/** `websocket_utf8`. Closes always: text that is not UTF-8 is an error of the protocol. */
export class Utf8Policy extends Check {
  handle({ binary, data }: Message): Decision {
    return binary || isUtf8(data) ? null : this.invalid();
  }

  /** Reports invalid text; null in a dry run. */
  invalid(): Decision {
    return this.reject('text is not valid UTF-8', INVALID_DATA, 'invalid UTF-8', false);
  }
}

/** Validates a parsed text; returns the first error, or null. */
export type Validate = (value: unknown) => string | null;

/** `websocket_json`, and `websocket_json_schema` if there is a schema. */
export class JsonPolicy extends Check {
  constructor(
    x: Exchange,
    sender: Sender,
    rejection: Rejection,
    private readonly validate: (() => Validate) | null,
  ) {
    super(x, sender, rejection);
  }

  handle({ binary, data }: Message): Decision {
    if (binary) return null;
    let value: unknown;
    try {
      value = JSON.parse(data.toString('utf8'));
    } catch {
      return this.reject('text is not JSON', INVALID_DATA, 'not JSON');
    }
    const error = this.validate === null ? null : this.validate()(value);
    return error === null ? null : this.reject(`text violates the JSON schema: ${error}`, POLICY_VIOLATION, error);
  }
}

/** `websocket_message_allow` and `websocket_message_deny`. */
export class PatternPolicy extends Check {
  constructor(
    x: Exchange,
    sender: Sender,
    rejection: Rejection,
    private readonly allow: readonly Expression[],
    private readonly deny: readonly Expression[],
  ) {
    super(x, sender, rejection);
  }

  handle({ binary, data }: Message): Decision {
    if (binary) return null;
    const text = data.latin1Slice();
    const denied = this.deny.find((expression) => this.matches(expression, text, true));
    if (denied !== undefined) {
      return this.reject(
        `text matches "websocket_message_deny" "${denied.written}"`,
        POLICY_VIOLATION,
        'message denied',
      );
    }
    if (this.allow.length === 0 || this.allow.some((expression) => this.matches(expression, text, false))) return null;
    return this.reject('text matches no "websocket_message_allow"', POLICY_VIOLATION, 'message not allowed');
  }

  /** `given up`: result if the search exceeds its limits. */
  private matches(expression: Expression, text: string, givenUp: boolean): boolean {
    try {
      return searchFor(this.x, expression, text) !== null;
    } catch (error) {
      if (error instanceof MatchFailed) return givenUp;
      throw error;
    }
  }
}

/** An expression with the text that replaces its matches. */
export interface Redaction {
  readonly expression: Expression;
  readonly replacement: string;
}

/** Applies redactions to a text; null if a search exceeds its limits. */
export function redacted(text: string, redactions: readonly Redaction[]): string | null {
  try {
    let result = text;
    for (const { expression, replacement } of redactions) result = expression.replaceAll(result, replacement);
    return result;
  } catch (error) {
    if (error instanceof MatchFailed) return null;
    throw error;
  }
}

/** `websocket_message_redact`. */
export class RedactPolicy extends Check {
  constructor(
    x: Exchange,
    sender: Sender,
    rejection: Rejection,
    private readonly redactions: readonly Redaction[],
    private readonly dryRun: boolean,
  ) {
    super(x, sender, rejection);
  }

  handle({ binary, data }: Message): Decision {
    if (binary) return null;
    const text = data.latin1Slice();
    const result = redacted(text, this.redactions);
    if (result === null) {
      return this.reject(
        'text exceeds the limits of "websocket_message_redact"',
        POLICY_VIOLATION,
        'message denied',
        false,
      );
    }
    if (result === text || this.dryRun) return null;
    return { action: 'replace', binary: false, data: Buffer.from(result, 'latin1') };
  }
}

export interface MessageLogSettings {
  readonly level: Level;
  /** Bytes of a message that are logged. */
  readonly size: number;
  /** Messages per second that are logged of one WebSocket. */
  readonly rate: number;
  readonly redactions: readonly Redaction[];
}

/** `websocket_log_messages`. */
export class MessageLog extends Policy {
  /** Messages that may still be logged in this second. */
  private left: number;
  private second = 0;
  /** Messages that were not logged since the last line. */
  private omitted = 0;

  constructor(
    private readonly x: Exchange,
    private readonly sender: Sender,
    private readonly settings: MessageLogSettings,
  ) {
    super();
    this.left = settings.rate;
  }

  handle({ binary, data }: Message): Decision {
    const { level, size, rate, redactions } = this.settings;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.left = rate;
    }
    if (this.left === 0) {
      this.omitted++;
      return null;
    }
    this.left--;
    const omitted = this.omitted === 0 ? '' : `, ${this.omitted} messages before it were not logged`;
    this.omitted = 0;
    logError(
      this.x,
      level,
      `WebSocket message of ${this.sender}: ${describe(binary, data, size, redactions)}${omitted}`,
    );
    return null;
  }
}

/** Type, length and beginning of a message. It is redacted as a whole, because a cut could hide a match. */
function describe(binary: boolean, data: Buffer, size: number, redactions: readonly Redaction[]): string {
  const start = `${binary ? 'binary' : 'text'}, ${data.length} bytes`;
  if (size === 0) return start;
  if (binary) return `${start}: ${data.subarray(0, size).toString('hex')}${data.length > size ? '...' : ''}`;
  const text = redacted(data.latin1Slice(), redactions);
  if (text === null) return `${start}: [not redacted within the limits of a search]`;
  return `${start}: "${text.slice(0, size)}${text.length > size ? '...' : ''}"`;
}
