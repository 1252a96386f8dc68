/**
 * Intermediate form of a configuration: servers with routes in the order in which they are tried. Each
 * parser of a source has its own model, and is translated to this one; `writer/` writes it. Strings are text (UTF-16), except
 * those of `Directive`s.
 */
import { ALWAYS, type Condition, type Template } from './conditions.js';
import type { Directive } from './crossplane/payload.js';

export type { Template } from './conditions.js';

/** An address of a server. */
export interface Listener {
  /** As `listen` has it: `8080`, `127.0.0.1:80`, `[::]:443`, `unix:/run/x.sock`. */
  readonly address: string;
  readonly tls?: true;
  readonly http2?: true;
  readonly proxyProtocol?: true;
}

export interface Server {
  readonly listeners: readonly Listener[];
  /** In the notation of `server_name`; empty for all. */
  readonly names: readonly string[];
  readonly routes: readonly Route[];
  /** Further directives of the server. */
  readonly settings: readonly Directive[];
  readonly comments: readonly string[];
}

/** A route applies to the requests of its condition that no earlier route of the server has answered. */
export interface Route {
  readonly when: Condition;
  readonly action: Action;
  readonly edits: readonly Edit[];
  /** Further directives of its locations. */
  readonly settings: readonly Directive[];
  readonly comments: readonly string[];
}

/** A route without changes; it applies always unless a condition is given. */
export function routeWith(action: Action, parts: Partial<Route> = {}): Route {
  return { when: ALWAYS, action, edits: [], settings: [], comments: [], ...parts };
}

export type Action =
  | {
      readonly do: 'proxy';
      readonly scheme: 'http' | 'https';
      /** Name of an upstream, or host and port, or `unix:/path:`. */
      readonly to: string | Template;
      /** `Host` of requests: that of the client, or the name in `to`. */
      readonly host: 'client' | 'target' | Template;
    }
  | { readonly do: 'respond'; readonly status: number; readonly body?: Template; readonly type?: string }
  | { readonly do: 'redirect'; readonly status: number; readonly to: Template }
  | {
      readonly do: 'files';
      readonly root: Template;
      readonly index: readonly string[];
      readonly listing?: true;
      /** Arguments of `try_files`; empty for none. */
      readonly tries: readonly Template[];
    }
  /** Closes the connection without a response. */
  | { readonly do: 'drop' };

export type Edit = FieldEdit | PathEdit;

/** A change of a field of the request, as the upstream gets it, or of the response. */
export interface FieldEdit {
  readonly change: 'request' | 'response';
  /** `default` sets a field that is not there. */
  readonly how: 'set' | 'add' | 'remove' | 'default' | 'append';
  readonly name: string;
  readonly value: Template;
  readonly when: Condition;
}

/** A change of the path, as the upstream or the file system sees it. */
export interface PathEdit {
  readonly change: 'path';
  /** Only the first rule that matches is applied. Patterns are matched against the decoded path. */
  readonly rules: readonly PathRule[];
  readonly when: Condition;
}

export interface PathRule {
  /** PCRE. */
  readonly pattern: string;
  readonly ignoreCase?: true;
  /** Groups are the variables `1` to `9`. */
  readonly to: Template;
}

export interface Upstream {
  readonly name: string;
  readonly servers: readonly { readonly address: string; readonly parameters: readonly string[] }[];
  readonly settings: readonly Directive[];
  readonly comments: readonly string[];
}

/** A file that the configuration names, such as one with passwords. */
export interface AuxiliaryFile {
  /** Relative to the configuration. */
  readonly name: string;
  readonly text: string;
}

export interface Configuration {
  /** Directives of the main block. */
  readonly main: readonly Directive[];
  /** Directives of the `http` block. */
  readonly http: readonly Directive[];
  readonly upstreams: readonly Upstream[];
  readonly servers: readonly Server[];
  readonly files?: readonly AuxiliaryFile[];
}

/** Something that was not converted, so that the result behaves differently. */
export interface Note {
  /** Line in the source, from 1; 0 if it has none. */
  readonly line: number;
  readonly message: string;
}

/** Reason why a text is not in its format. */
export class SourceMistake extends Error {
  constructor(
    message: string,
    /** From 1; 0 if it has none. */
    readonly line: number,
  ) {
    super(message);
  }
}
