/** Limits of request heads by server: `client_header_buffer_size`, `large_client_header_buffers` and others. */
import type { ServerProgram } from '../program/program.js';
import type { HeadLimits } from './request-reader.js';

const known = new WeakMap<ServerProgram, HeadLimits>();

export function headLimits(server: ServerProgram): HeadLimits {
  let limits = known.get(server);
  if (limits === undefined) {
    const { number, size } = server.largeClientHeaderBuffers;
    limits = {
      first: server.clientHeaderBufferSize,
      number,
      size,
      fields: server.maxHeaders,
      dropInvalid: server.ignoreInvalidHeaders,
      underscores: server.underscoresInHeaders,
    };
    known.set(server, limits);
  }
  return limits;
}
