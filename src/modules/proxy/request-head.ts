/** Head of a proxied request: the fields of `proxy_set_header` and nginx's defaults, then those of the client. */
import type { TemplateData } from '../../config/template.js';
import type { HttpExchange } from '../../exchange/exchange.js';
import { fieldValue } from '../../http/field-line.js';
import { Field } from '../../http/field-names.js';
import { NameSet } from '../../http/header-block.js';
import { REQUEST_HOP_BY_HOP } from '../../http/hop-by-hop.js';
import type { Exchange } from '../../program/exchange.js';
import type { Compiler } from '../../program/module.js';
import type { Template } from '../../program/template.js';
import { NEGOTIATED } from '../../websocket/extension-offer.js';
import type { Forwarded } from './forwarded.js';
import type { UpgradeRules } from './upgrades.js';

export interface SetHeader {
  readonly name: string;
  readonly value: TemplateData;
}

const EXTENSIONS = 'Sec-WebSocket-Extensions';

/** A field whose value depends on the request. */
interface VariableField {
  /** `Name: ` */
  readonly start: string;
  readonly value: Template;
  /** Whether `UpgradeRules` may write the field instead. */
  readonly ofUpgrade: boolean;
}

export interface RequestHeadOptions {
  readonly fields: readonly SetHeader[];
  readonly version: '1.0' | '1.1';
  readonly passFields: boolean;
  /** Formats the field `Forwarded`; null: it is passed on like others. `proxy_set_header` replaces it. */
  readonly forwarded: Forwarded | null;
  /** Writes `Upgrade` and `Connection`; null: the configured fields are sent. */
  readonly upgrades: UpgradeRules | null;
  /** Whether the extensions of WebSockets may be negotiated by the proxy (`NEGOTIATED`). */
  readonly negotiates: boolean;
  /** Whether `proxy_set_body` replaces the client's body, so that the request always has a body. */
  readonly ownBody: boolean;
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
  /** Whether HTTP/1.1 is used. */
  readonly http11: boolean;
  private readonly ownBody: boolean;
  private readonly forwarded: Forwarded | null;
  private readonly upgrades: UpgradeRules | null;
  /** Configured values of `Upgrade` and `Connection`, if `upgrades` may write these fields. */
  private upgrade: Template | null = null;
  private connection: Template | null = null;

  constructor(options: RequestHeadOptions, compiler: Compiler) {
    this.http11 = options.version === '1.1';
    this.version = ` HTTP/${options.version}\r\n`;
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
    this.ownCoding = !names.has('transfer-encoding');
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
      this.ownBody || x.headers.indexOf(Field.ContentLength) >= 0 || x.headers.indexOf(Field.TransferEncoding) >= 0
    );
  }
}
