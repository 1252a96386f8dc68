/** Head of a request to an upstream: the configured fields (`proxy_set_header`) and nginx's defaults, then those of the client. */
import type { TemplateData } from '../config/template.js';
import type { HttpExchange } from '../exchange/exchange.js';
import { fieldValue } from '../http/field-line.js';
import { Field } from '../http/field-names.js';
import { NameSet } from '../http/header-block.js';
import { REQUEST_HOP_BY_HOP } from '../http/hop-by-hop.js';
import type { Exchange } from '../program/exchange.js';
import type { Compiler } from '../program/module.js';
import type { Template } from '../program/template.js';
import { NEGOTIATED } from '../websocket/extension-offer.js';

/** Protocol version of the request; of HTTP/2, the head is converted by the stream. */
export type HttpVersion = '1.0' | '1.1' | '2';

export interface SetHeader {
  readonly name: string;
  readonly value: TemplateData;
}

const EXTENSIONS = 'Sec-WebSocket-Extensions';

/** A field that is formatted for each request. */
export interface FieldFormatter {
  /** Value of the field; empty: the request has none. */
  value(x: HttpExchange): string;
}

/** Writes `Upgrade` and `Connection` of requests that may ask for an upgrade. */
export interface UpgradeFields {
  /** Whether `lines` writes the fields of the request; if not, the configured ones are sent. */
  rewrites(x: HttpExchange): boolean;
  /** The lines of both fields; `upgrade` and `connection` are the configured values. */
  lines(x: HttpExchange, upgrade: string, connection: string): string;
}

/** A field whose value depends on the request. */
interface VariableField {
  /** `Name: ` */
  readonly start: string;
  readonly value: Template;
  /** Whether `UpgradeFields` may write the field instead. */
  readonly ofUpgrade: boolean;
}

export interface RequestHeadOptions {
  readonly fields: readonly SetHeader[];
  readonly version: HttpVersion;
  readonly passFields: boolean;
  /** Formats the field `Forwarded`; null: it is passed on like others. `proxy_set_header` replaces it. */
  readonly forwarded: FieldFormatter | null;
  /** Writes `Upgrade` and `Connection`; null: the configured fields are sent. */
  readonly upgrades: UpgradeFields | null;
  /** Whether the extensions of WebSockets may be negotiated by the proxy (`NEGOTIATED`). */
  readonly negotiates: boolean;
  /** Whether `proxy_set_body` replaces the client's body, so that the request always has a body. */
  readonly ownBody: boolean;
  /** Whether `TE: trailers` is passed on if the client sends it. */
  readonly passTrailersOption: boolean;
}

/** Request head of a location, compiled once; `build` formats the head of one request. */
export class RequestHeadBuilder {
  private readonly host: Template | null;
  /** Fixed lines and variable fields, in the order of the configuration. */
  private readonly parts: readonly (string | VariableField)[];
  private readonly skip: NameSet;
  private readonly negotiates: boolean;
  private readonly skipWithExtensions: NameSet;
  private readonly ownLength: boolean;
  private readonly ownCoding: boolean;
  private readonly version: string;
  private readonly passFields: boolean;
  /** Whether the request needs a host, and its body needs no declared length: HTTP/1.1 and newer. */
  readonly http11: boolean;
  private readonly ownBody: boolean;
  private readonly passTrailersOption: boolean;
  private readonly forwarded: FieldFormatter | null;
  private readonly upgrades: UpgradeFields | null;
  /** Configured values of `Upgrade` and `Connection`, if `upgrades` may write these fields. */
  private upgrade: Template | null = null;
  private connection: Template | null = null;

  constructor(options: RequestHeadOptions, compiler: Compiler) {
    this.http11 = options.version !== '1.0';
    this.version = options.version === '2' ? ' HTTP/2.0\r\n' : ` HTTP/${options.version}\r\n`;
    this.passFields = options.passFields;
    this.ownBody = options.ownBody;
    const names = new Set(options.fields.map(({ name }) => name.toLowerCase()));
    this.forwarded = names.has('forwarded') ? null : options.forwarded;
    if (this.forwarded !== null) names.add('forwarded');
    this.upgrades = options.upgrades;
    const skipped = ['Host', ...REQUEST_HOP_BY_HOP, ...names];
    this.skip = new NameSet(skipped);
    this.negotiates = options.negotiates && !names.has(EXTENSIONS.toLowerCase());
    this.skipWithExtensions = this.negotiates ? new NameSet([...skipped, EXTENSIONS]) : this.skip;
    this.ownLength = !names.has('content-length');
    this.ownCoding = !names.has('transfer-encoding') && options.version !== '2';
    this.passTrailersOption = options.passTrailersOption && !names.has('te');
    let host: Template | null = null;
    const parts: (string | VariableField)[] = [];
    for (const { name, value } of options.fields) {
      const template = compiler.template(value);
      const lower = name.toLowerCase();
      if (lower === 'host') {
        host = template;
        continue;
      }
      const ofUpgrade = this.upgrades !== null && (lower === 'upgrade' || lower === 'connection');
      if (ofUpgrade) this[lower] = template;
      if (template.constant === null || ofUpgrade) {
        parts.push({ start: `${name}: `, value: template, ofUpgrade });
        continue;
      }
      if (template.constant === '') continue;
      const line = `${name}: ${template.constant}\r\n`;
      const last = parts.length - 1;
      if (typeof parts[last] === 'string') parts[last] += line;
      else parts.push(line);
    }
    this.host = host;
    this.parts = parts;
  }

  /**
   * Formats the head with its blank line. `length`: body length in bytes, -1 if unknown; `chunked`: chunked transfer coding.
   * `defaultHost`: value of `Host` if it is not configured.
   */
  build(x: HttpExchange, method: string, uri: string, defaultHost: string, length: number, chunked: boolean): string {
    // HTTP/1.0 has no upgrades.
    const upgrades = x.upgradeRequest !== null && x.upgradeRequest.protocols !== '';
    let head = `${method} ${uri}${upgrades ? ' HTTP/1.1\r\n' : this.version}`;
    let host = this.host === null ? defaultHost : fieldValue(this.host.of(x));
    // HTTP/1.1 requires the field even if its configured value is empty.
    if (host === '' && (this.http11 || upgrades)) host = defaultHost;
    if (host !== '') head += `Host: ${host}\r\n`;
    const { parts } = this;
    const rewritten = this.upgrades?.rewrites(x) === true;
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as string | VariableField;
      if (typeof part === 'string') head += part;
      else if (!rewritten || !part.ofUpgrade) {
        const value = part.value.of(x);
        if (value !== '') head += `${part.start}${fieldValue(value)}\r\n`;
      }
    }
    if (this.upgrades !== null && rewritten) {
      const upgrade = this.upgrade === null ? '' : fieldValue(this.upgrade.of(x));
      const connection = this.connection === null ? '' : fieldValue(this.connection.of(x));
      head += this.upgrades.lines(x, upgrade, connection);
    }
    if (this.forwarded !== null) {
      const value = this.forwarded.value(x);
      if (value !== '') head += `Forwarded: ${fieldValue(value)}\r\n`;
    }
    if (this.passTrailersOption && acceptsTrailers(x)) head += 'TE: trailers\r\n';
    if (chunked) {
      if (this.ownCoding) head += 'Transfer-Encoding: chunked\r\n';
    } else if (this.ownLength && (length > 0 || (length === 0 && this.hasBody(x)))) {
      head += `Content-Length: ${length}\r\n`;
    }
    if (this.passFields) head += this.fieldLines(x);
    return `${head}\r\n`;
  }

  /** The client's fields. The extensions of a WebSocket may be the proxy's own. */
  private fieldLines(x: HttpExchange): string {
    const negotiated = this.negotiates ? x.state(NEGOTIATED) : undefined;
    if (negotiated === undefined) return x.headers.lines(this.skip);
    const { offer } = negotiated;
    return `${x.headers.lines(this.skipWithExtensions)}${offer === '' ? '' : `${EXTENSIONS}: ${offer}\r\n`}`;
  }

  /** Whether the request has a body, which may be empty. */
  private hasBody(x: Exchange): boolean {
    return (
      this.ownBody ||
      // A body of unknown length, in HTTP/2 without a field.
      x.contentLength < 0 ||
      x.headers.indexOf(Field.ContentLength) >= 0 ||
      x.headers.indexOf(Field.TransferEncoding) >= 0
    );
  }
}

/** Whether the client accepts trailers. nginx: ngx_http_grpc_internal_trailers_variable. */
function acceptsTrailers({ headers }: Exchange): boolean {
  const i = headers.indexOf(Field.TE);
  return i >= 0 && headers.value(i).toLowerCase().includes('trailers');
}
