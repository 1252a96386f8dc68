/** Opcodes of WebSocket frames (RFC 6455, 5.2 and 11.8). */
export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

/** Smallest opcode of a control frame; those may stand between the fragments of a message. */
export const CONTROL = 0x8;
