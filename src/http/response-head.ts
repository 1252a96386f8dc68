/** Head of a response under construction: fields of the upstream, and fields set by the proxy. */
import { fieldValue } from './field-line.js';
import { Field, fieldName } from './field-names.js';
import type { FieldTest, HeaderBlock } from './header-block.js';

/** Text followed by a range of the body, from `start` (inclusive) to `end` (exclusive). */
export interface BodyPart {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/**
 * `Content-Type`, `Content-Length`, `Last-Modified` and `ETag` are stored separately, because filters read and change
 * them; all other fields are lines. Names keep their case and order.
 */
export class ResponseHead {
  status = 0;
  /** Reason phrase of an upstream response; null for the registered one. */
  reason: string | null = null;
  /** Length of the body in bytes, or -1 if unknown (chunked, or until close). */
  contentLength = -1;
  private type: string | null = null;
  /** Value of `Last-Modified`, or null. */
  lastModified: string | null = null;
  /** Time of lastModified if known, ms since 1970, or -1. */
  modifiedAt = -1;
  etag: string | null = null;
  /** The upstream's field lines, or null. */
  upstream: HeaderBlock | null = null;
  /** Selects upstream fields that are not forwarded: hidden, hop-by-hop, or stored separately here. */
  hidden: FieldTest | null = null;
  /** Added field lines: name, value, name, value … */
  readonly added: string[] = [];
  /**
   * Values of the `Set-Cookie` lines that bind clients to peers (`sticky`); they precede the upstream's fields. Null if there
   * are none.
   */
  bindings: string[] | null = null;
  /** Absolute `Location`, or null. */
  absoluteLocation: string | null = null;
  /** The `Location` of the proxy's own redirect, among `added`, or rewritten by it; `add_header Location` is not one. */
  ownLocation: string | null = null;
  /** Whether `ownLocation` replaces the value of the upstream's line, at its place. */
  private replacesLocation = false;
  /** Whether the source of the body can send `parts` itself, in any order. */
  seekable = false;
  /** Offset in the content of the next byte of the body, for ranges: not 0 at first if the source has only a part (`slice`). */
  contentOffset = 0;
  /** Whether conditions of the client are evaluated although the response is the upstream's: it may be in the cache. */
  conditional = false;
  /** Whether conditions have the meaning of RFC 9110 13 in all cases, not nginx's. */
  strictConditions = false;
  /** Parts that a seekable source sends instead of the whole body; null: the whole body. */
  parts: readonly BodyPart[] | null = null;
  /** Whether the proxy's own `Server` and `Date` are sent; false if the upstream's are forwarded. */
  ownServer = true;
  ownDate = true;
  /** Whether the proxy has set `Content-Encoding`. nginx: `headers_out.content_encoding`, except for an upstream's. */
  encoded = false;
  /** Whether `Vary: Accept-Encoding` is sent (`gzip_vary`). */
  varies = false;
  /** Whether trailer fields may follow: the body is then chunked even if its length is known. */
  expectTrailers = false;
  /** Trailer fields to send after a chunked body: name, value … */
  readonly trailers: string[] = [];

  get contentType(): string | null {
    return this.type;
  }
  /** Line breaks become spaces. */
  set contentType(value: string | null) {
    this.type = value === null ? null : fieldValue(value);
  }

  clear(): void {
    this.status = 0;
    this.reason = null;
    this.contentLength = -1;
    this.contentType = null;
    this.lastModified = null;
    this.modifiedAt = -1;
    this.etag = null;
    this.upstream = null;
    this.hidden = null;
    this.added.length = 0;
    this.bindings = null;
    this.absoluteLocation = null;
    this.ownLocation = null;
    this.replacesLocation = false;
    this.ownServer = true;
    this.ownDate = true;
    this.encoded = false;
    this.varies = false;
    this.expectTrailers = false;
    this.trailers.length = 0;
    this.seekable = false;
    this.conditional = false;
    this.contentOffset = 0;
    this.strictConditions = false;
    this.parts = null;
  }

  /** Adds a field line; line breaks in the value become spaces. */
  add(name: string, value: string): void {
    this.added.push(name, fieldValue(value));
  }

  /** Adds a `Set-Cookie` line of a binding, or replaces the earlier one; line breaks become spaces. Returns its value. */
  bind(cookie: string, earlier: string | null): string {
    const value = fieldValue(cookie);
    const bindings = (this.bindings ??= []);
    const i = earlier === null ? -1 : bindings.lastIndexOf(earlier);
    if (i < 0) bindings.push(value);
    else bindings[i] = value;
    return value;
  }

  /** Adds a trailer field; line breaks in the value become spaces. */
  addTrailer(name: string, value: string): void {
    this.trailers.push(name, fieldValue(value));
  }

  /** Replaces all lines of that name by one (none for null). Line breaks in the value become spaces. */
  set(name: string, text: string | null): void {
    const value = text === null ? null : fieldValue(text);
    const lower = name.toLowerCase();
    switch (lower) {
      case 'content-type':
        this.contentType = value;
        return;
      case 'last-modified':
        this.lastModified = value;
        this.modifiedAt = -1;
        return;
      case 'etag':
        this.etag = value;
        return;
      case 'content-length':
        this.contentLength = value === null ? -1 : Number(value);
        return;
    }
    this.remove(lower);
    if (value !== null) this.added.push(name, value);
    if (lower === 'location') this.ownLocation = value;
  }

  /** Replaces the value of the upstream's `Location`. Line breaks become spaces. */
  replaceLocation(value: string): void {
    this.ownLocation = fieldValue(value);
    this.replacesLocation = true;
  }

  /** Takes `ownLocation` out of the lines; returns whether it was one of them. */
  takeOwnLocation(): boolean {
    const { added, upstream } = this;
    if (this.replacesLocation && upstream !== null) {
      this.replacesLocation = false;
      upstream.remove(upstream.indexOf(Field.Location));
      return true;
    }
    for (let i = 0; i < added.length; i += 2) {
      if (added[i] === 'Location' && added[i + 1] === this.ownLocation) {
        added.splice(i, 2);
        return true;
      }
    }
    return false;
  }

  /**
   * Weakens the entity tag: the body is no longer byte-for-byte identical (RFC 9110 8.8.1). nginx: ngx_http_weak_etag.
   */
  weakenEtag(): void {
    const { etag } = this;
    if (etag === null || (etag.length > 2 && etag.startsWith('W/'))) return;
    this.etag = etag.startsWith('"') ? `W/${etag}` : null;
  }

  /** Removes all lines of that name (lower case). */
  remove(lower: string): void {
    const block = this.upstream;
    if (block !== null) for (let i = block.find(lower); i >= 0; i = block.find(lower, i + 1)) block.remove(i);
    if (lower === 'location') {
      this.absoluteLocation = null;
      this.replacesLocation = false;
    } else if (lower === 'set-cookie') this.bindings = null;
    for (let i = 0; i < this.added.length; ) {
      if ((this.added[i] as string).toLowerCase() === lower) this.added.splice(i, 2);
      else i += 2;
    }
  }

  /** All values of a field name (lower case), in order. */
  all(lower: string): string[] {
    if (lower === 'content-type') return this.contentType === null ? [] : [this.contentType];
    if (lower === 'last-modified') return this.lastModified === null ? [] : [this.lastModified];
    if (lower === 'etag') return this.etag === null ? [] : [this.etag];
    if (lower === 'content-length') return this.contentLength < 0 ? [] : [String(this.contentLength)];
    const values: string[] = [];
    if (lower === 'location' && this.absoluteLocation !== null) values.push(this.absoluteLocation);
    else if (lower === 'set-cookie' && this.bindings !== null) values.push(...this.bindings);
    const block = this.upstream;
    if (block !== null) {
      for (let i = this.findUpstream(block, lower, 0); i >= 0; i = this.findUpstream(block, lower, i + 1)) {
        const replaced = this.replacesLocation && lower === 'location' ? this.ownLocation : null;
        values.push(replaced ?? block.forwardedValue(i));
      }
    }
    for (let i = 0; i < this.added.length; i += 2) {
      if ((this.added[i] as string).toLowerCase() === lower) values.push(this.added[i + 1] as string);
    }
    return values;
  }

  /** Index of the next forwarded line of that name (lower case) in the upstream's fields; -1 if there is none. */
  private findUpstream(block: HeaderBlock, lower: string, from: number): number {
    let i = block.find(lower, from);
    while (i >= 0 && (block.removed(i) || this.hidden?.matches(block, i) === true)) i = block.find(lower, i + 1);
    return i;
  }

  /**
   * Content coding of the body, in lower case: the upstream's, or the one that a handler or filter has applied; empty if there
   * is none.
   */
  get contentCoding(): string {
    if (this.encoded) return (this.get('content-encoding') ?? '').toLowerCase();
    const block = this.upstream;
    if (block === null) return '';
    const i = this.findUpstream(block, 'content-encoding', 0);
    return i < 0 ? '' : block.value(i).toLowerCase();
  }

  /** The body is replaced by another content coding of it, or by its decoded form (null). */
  reencode(coding: string | null): void {
    this.encoded = coding !== null;
    if (coding === null) this.remove('content-encoding');
    else this.add('Content-Encoding', coding);
    this.changeBody();
  }

  /**
   * The body is changed by a filter: its length is unknown, and ranges cannot be served. nginx:
   * ngx_http_clear_content_length, ngx_http_clear_accept_ranges, ngx_http_weak_etag.
   */
  changeBody(): void {
    this.contentLength = -1;
    this.remove('accept-ranges');
    this.seekable = false;
    this.weakenEtag();
  }

  /** First value of a field name (lower case), or undefined. */
  get(lower: string): string | undefined {
    return this.all(lower)[0];
  }

  /** Value of a known field, or undefined. */
  valueOf(id: number): string | undefined {
    switch (id) {
      case Field.ContentType:
        return this.contentType ?? undefined;
      case Field.LastModified:
        return this.lastModified ?? undefined;
      case Field.ETag:
        return this.etag ?? undefined;
      default:
        return this.get(fieldName(id));
    }
  }
}
