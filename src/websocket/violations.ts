/** Violations of RFC 6455 that are visible in the header of a frame, as bits of a set. */

export const RESERVED_BITS = 1;
export const UNKNOWN_OPCODE = 2;
export const MASKING = 4;
export const FRAGMENTED_CONTROL = 8;
export const LONG_CONTROL = 16;
export const UNEXPECTED_CONTINUATION = 32;
export const INTERRUPTED_MESSAGE = 64;
export const NON_MINIMAL_LENGTH = 128;
/** The length has its highest bit set: the end of the frame is undefined, and nothing after its header can be read. */
export const INVALID_LENGTH = 256;

const TEXTS: readonly (readonly [number, string])[] = [
  [RESERVED_BITS, 'a reserved bit is set, but no extension was negotiated that defines it'],
  [UNKNOWN_OPCODE, 'unknown opcode'],
  [MASKING, 'wrong masking: frames of a client must be masked, those of a server must not'],
  [FRAGMENTED_CONTROL, 'fragmented control frame'],
  [LONG_CONTROL, 'control frame with more than 125 bytes'],
  [UNEXPECTED_CONTINUATION, 'continuation frame without a message'],
  [INTERRUPTED_MESSAGE, 'new message before the end of the previous one'],
  [NON_MINIMAL_LENGTH, 'length not in its shortest form'],
  [INVALID_LENGTH, 'length with its highest bit set'],
];

/** Describes a set of violations. */
export function describeViolations(violations: number): string {
  return TEXTS.filter(([bit]) => (violations & bit) !== 0)
    .map(([, text]) => text)
    .join(', ');
}
