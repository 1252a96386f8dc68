/** `grpc_error_status`: errors as responses of gRPC. */
import type { ErrorResponse } from '../../exchange/error-response.js';
import { Field } from '../../http/field-names.js';
import { statusText } from '../../http/status-text.js';

/** Codes of gRPC. */
const UNKNOWN = 2;
const CODES: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** Code of gRPC that clients derive from a status of HTTP (gRPC: http-grpc-status-mapping). */
function grpcCode(status: number): number {
  return CODES[status] ?? UNKNOWN;
}

const TYPE = 'application/grpc';

export const GRPC_ERRORS: ErrorResponse = {
  applies({ headers }, status) {
    return status >= 400 && headers.valueOf(Field.ContentType)?.toLowerCase().startsWith(TYPE) === true;
  },

  send(x, status) {
    const { response } = x;
    response.status = 200;
    response.reason = null;
    response.lastModified = null;
    response.etag = null;
    response.contentType = TYPE;
    response.contentLength = 0;
    response.set('grpc-status', String(grpcCode(status)));
    response.set('grpc-message', statusText(status).trim());
    x.allowRanges = false;
    x.sendHead(true);
  },
};
