/** Interface of the API's resources: what the document describes is what is executed. */
import type { Exchange } from '../../program/exchange.js';
import type { Clients } from './clients.js';
import type { ApiResult } from './result.js';
import type { Schema } from './schema.js';
import type { TableView } from './table-view.js';

/** A request, checked against its operation. Strings are text. */
export interface ApiRequest {
  readonly x: Exchange;
  /** Values of the parameters in the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  /** The body as JSON; undefined if the operation has none. */
  readonly body: unknown;
}

/** The resources behind the API. */
export interface ApiContext {
  readonly table: TableView;
  readonly clients: Clients;
}

export interface Parameter {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
}

export interface ApiOperation {
  readonly summary: string;
  readonly query?: readonly Parameter[];
  readonly body?: Schema;
  /** Status of success, and the schema of the body; without one there is none. */
  readonly success: { readonly status: number; readonly schema?: Schema };
  /** Statuses of errors besides those of every operation. */
  readonly errors?: readonly number[];
  run(c: ApiContext, request: ApiRequest): ApiResult | Promise<ApiResult>;
}

export const METHODS = ['get', 'post', 'patch', 'delete'] as const;

export type ApiMethod = (typeof METHODS)[number];

export interface Route extends Partial<Readonly<Record<ApiMethod, ApiOperation>>> {
  /** With parameters: `/http/upstreams/{upstream}`. */
  readonly path: string;
  /** Descriptions of the parameters. */
  readonly parameters?: Readonly<Record<string, string>>;
}
