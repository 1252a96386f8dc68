/** Response fields of which nginx uses only the first line (`ngx_http_upstream_headers_in`). */

import { Field, fieldSet } from '../http/field-names.js';
import type { HeaderBlock } from '../http/header-block.js';
import { logError } from '../program/error-context.js';
import type { Exchange } from '../program/exchange.js';

const UNIQUE = fieldSet(
  Field.Status,
  Field.ContentType,
  Field.Date,
  Field.LastModified,
  Field.ETag,
  Field.Server,
  Field.Location,
  Field.Refresh,
  Field.Expires,
  Field.XAccelRedirect,
  Field.XAccelExpires,
  Field.XAccelLimitRate,
);

/**
 * Drops repeated lines of these fields from a newly read head, before it is evaluated: neither the response nor
 * variables contain them.
 */
export function dropDuplicates(x: Exchange, headers: HeaderBlock): void {
  for (let i = headers.duplicate(UNIQUE); i >= 0; i = headers.duplicate(UNIQUE, i)) {
    const first = headers.indexOf(headers.id(i));
    const line = `"${headers.name(i)}: ${headers.value(i)}"`;
    const previous = `"${headers.name(first)}: ${headers.value(first)}"`;
    logError(
      x,
      'warn',
      `upstream sent duplicate header line: ${line}, previous value: ${previous}, ignored while reading response header from upstream`,
    );
    headers.drop(i);
  }
}
