/** Check that text messages are valid UTF-8 (RFC 6455, 8.1), while they pass. */
import { type CheckVerdict, CLOSED, type FrameCheck, PASS } from './frame-check.js';
import type { FrameReader } from './frame-reader.js';
import { CONTROL, TEXT } from './opcodes.js';
import { Utf8Validator } from './utf8-validator.js';

export class Utf8Check implements FrameCheck {
  private readonly validator = new Utf8Validator();
  /** Whether the message in progress is text. */
  private text = false;

  /** `invalid`: returns whether the WebSocket was closed for it; otherwise the rest of the message is not checked. */
  constructor(private readonly invalid: () => boolean) {}

  frame(header: FrameReader): CheckVerdict {
    const { opcode } = header;
    if (opcode >= CONTROL) return PASS;
    if (opcode !== 0) {
      // Compressed text (RSV1) is not UTF-8 on the wire.
      this.text = opcode === TEXT && header.rsv === 0;
      this.validator.reset();
    }
    // An empty last frame cannot complete a character that an earlier one has begun.
    return header.length > 0 || this.ends(header) ? PASS : CLOSED;
  }

  readonly payload = (bytes: Buffer, start: number, end: number, header: FrameReader, offset: number): boolean => {
    if (!this.text || header.opcode >= CONTROL) return true;
    if (!this.validator.push(bytes, start, end, header.mask, offset)) return this.report();
    return header.payloadSeen < header.length || this.ends(header);
  };

  dispose(): void {}

  /** Checks the end of a message; false if the WebSocket was closed. */
  private ends(header: FrameReader): boolean {
    if (!this.text || !header.fin) return true;
    return this.validator.complete || this.report();
  }

  private report(): boolean {
    this.text = false;
    return !this.invalid();
  }
}
