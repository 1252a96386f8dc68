/** Type of the object `r`, the first argument of functions: the interface of njs's `r`, as far as TypeScript can state it. */

/** Text, bytes, or a value that is converted to text. */
export type Content = string | Uint8Array | ArrayBuffer | number | boolean | null | undefined;

/** A form as `r.readRequestForm()` reads it. */
export interface Form {
  get(name: string): FormValue | null;
  getAll(name: string): FormValue[];
  has(name: string): boolean;
  forEach(callback: (value: FormValue, key: string, form: Form) => void, thisArgument?: unknown): void;
  hasFiles(): boolean;
}

export type FormValue = string | { readonly name: string };

export interface SubrequestSettings {
  /** Query; default: none. */
  readonly args?: string;
  /** Body; default: that of the request. */
  readonly body?: string | Uint8Array;
  /** Default: GET. */
  readonly method?: string;
  /** Whether its response is ignored. */
  readonly detached?: boolean;
}

/** A request with its response. */
export interface Request {
  /** Arguments of the query, decoded; those that occur several times are lists. */
  readonly args: Readonly<Record<string, string | string[]>>;
  /** Fields of the request, by case-insensitive names. */
  readonly headersIn: Readonly<Record<string, string | undefined>>;
  readonly rawHeadersIn: readonly (readonly [name: string, value: string])[];
  readonly httpVersion: string;
  readonly internal: boolean;
  readonly method: string;
  readonly remoteAddress: string;
  /** Normalized path. */
  readonly uri: string;
  /** Variables of the configuration; those of `js_var` can be assigned. */
  readonly variables: Record<string, string | undefined>;
  readonly rawVariables: Readonly<Record<string, Buffer | undefined>>;
  /** Of a subrequest: the request that made it. */
  readonly parent?: Request | undefined;

  /** The body, in `js_content`. */
  readonly requestBuffer?: Buffer | undefined;
  readonly requestText?: string | undefined;
  readRequestText(): Promise<string>;
  readRequestArrayBuffer(): Promise<ArrayBuffer>;
  readRequestJSON(): Promise<unknown>;
  readRequestForm(options?: { readonly maxKeys?: number }): Promise<Form>;

  /** Status of the response. */
  status: number;
  /** Fields of the response, by case-insensitive names; a list for several lines. */
  headersOut: Record<string, unknown>;
  readonly rawHeadersOut: readonly (readonly [name: string, value: string])[];
  /** Body of the response to a subrequest. */
  readonly responseBuffer?: Buffer | undefined;
  readonly responseText?: string | undefined;

  /** Sends the response, with a body, or the target of a redirect. */
  return(status: number, body?: Content): void;
  sendHeader(): void;
  send(...parts: readonly Content[]): void;
  finish(): void;
  /** Continues in another location: a path, or the name of a location (`@name`). */
  internalRedirect(uri: string): void;
  /** In `js_access`: has no opinion. */
  decline(): void;
  /** In an async `js_set`: the value. */
  setReturnValue(value: Content): void;
  /** In `js_body_filter`: passes data on. */
  sendBuffer(data: string | Uint8Array, options?: { readonly last?: boolean; readonly flush?: boolean }): void;
  /** In `js_body_filter`: the rest of the body passes unchanged. */
  done(): void;

  subrequest(uri: string, options: SubrequestSettings & { readonly detached: true }): undefined;
  subrequest(uri: string, options?: SubrequestSettings | string): Promise<Request>;
  subrequest(uri: string, options: SubrequestSettings | string, callback: (reply: Request) => void): undefined;
  subrequest(uri: string, callback: (reply: Request) => void): undefined;

  log(...messages: readonly Content[]): void;
  warn(...messages: readonly Content[]): void;
  error(...messages: readonly Content[]): void;
}
