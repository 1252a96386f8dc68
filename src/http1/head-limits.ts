/** Limits of request heads by server: `client_header_buffer_size`, `large_client_header_buffers` and others. */
import type { ServerProgram } from '../program/program.js';
import type { HeadLimits } from './request-reader.js';

export function headLimits(server: ServerProgram): HeadLimits {
  return (server.headLimits ??= compute(server)) as HeadLimits; // set here only
}

function compute(server: ServerProgram): HeadLimits {
  const { number, size } = server.largeClientHeaderBuffers;
  return {
    first: server.clientHeaderBufferSize,
    number,
    size,
    fields: server.maxHeaders,
    dropInvalid: server.ignoreInvalidHeaders,
    underscores: server.underscoresInHeaders,
  };
}
