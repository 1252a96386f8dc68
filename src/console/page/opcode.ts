/** Opcodes of frames (RFC 6455) by name, and the groups that a list can hide. */

export type OpcodeGroup = 'text' | 'binary' | 'continuation' | 'ping' | 'close';

export const GROUPS: readonly (readonly [OpcodeGroup, string])[] = [
  ['text', 'Text'],
  ['binary', 'Binary'],
  ['continuation', 'Cont.'],
  ['ping', 'Pings'],
  ['close', 'Close'],
];

const NAMES: Readonly<Record<number, readonly [string, OpcodeGroup]>> = {
  0: ['cont', 'continuation'],
  1: ['text', 'text'],
  2: ['binary', 'binary'],
  8: ['close', 'close'],
  9: ['ping', 'ping'],
  10: ['pong', 'ping'],
};

export function opcodeName(opcode: number): string {
  return NAMES[opcode]?.[0] ?? `0x${opcode.toString(16)}`;
}

/** Reserved opcodes are in the group of their kind: data or control. */
export function opcodeGroup(opcode: number): OpcodeGroup {
  return NAMES[opcode]?.[1] ?? (opcode < 8 ? 'binary' : 'close');
}

/** Names of close codes (RFC 6455, section 7.4.1, and the registry of IANA). */
export const CLOSE_CODES: Readonly<Record<number, string>> = {
  1000: 'normal closure',
  1001: 'going away',
  1002: 'protocol error',
  1003: 'unsupported data',
  1005: 'no status received',
  1006: 'abnormal closure',
  1007: 'invalid payload',
  1008: 'policy violation',
  1009: 'message too big',
  1010: 'mandatory extension',
  1011: 'internal error',
  1012: 'service restart',
  1013: 'try again later',
  1014: 'bad gateway',
};

export function closeText(code: number): string {
  const name = CLOSE_CODES[code];
  return name === undefined ? String(code) : `${code} ${name}`;
}

/** Code and reason of a Close frame. */
export function closePayload(payload: Uint8Array): string {
  if (payload.length < 2) return 'no code';
  const code = ((payload[0] ?? 0) << 8) | (payload[1] ?? 0);
  const reason = new TextDecoder().decode(payload.subarray(2));
  return reason === '' ? closeText(code) : `${closeText(code)}: ${reason}`;
}
