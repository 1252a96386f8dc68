/** Opcodes of WebSocket frames (RFC 6455, 5.2 and 11.8). */
export const CLOSE = 0x8;
export const PING = 0x9;

/** Smallest opcode of a control frame; those may stand between the fragments of a message. */
export const CONTROL = 0x8;
