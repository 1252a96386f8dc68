/** Rows of the traffic tap as they are published. */
import type { CloseRow, EventRow, FrameRow, OpenRow, RequestRow, ResponseRow, RowOrigin } from './rows.js';

/** The row and its payload are valid for the call only: publishers use them again. */
export type PublishedFrame = Omit<FrameRow, 'payload' | 'withheld'> & {
  readonly payload: Buffer;
  /** Number of bytes of `payload` that belong to the frame: as many as subscribers need. */
  readonly size: number;
};
export type PublishedEvent = Omit<EventRow, 'payload' | 'withheld'> & { readonly payload: Buffer };

/** A compressed message, decompressed; it follows its last frame, and exists only if a subscriber needs it. */
export interface PublishedMessage extends RowOrigin {
  readonly type: 'message';
  readonly from: 'client' | 'upstream';
  readonly opcode: number;
  /** -1: not known. */
  readonly length: number;
  /** The whole message, or the reason why there is none. */
  readonly payload: Buffer | 'too long' | 'not decompressed';
}

/** A row as it is published: texts are byte strings, payloads are not redacted. */
export type PublishedRow =
  | RequestRow
  | ResponseRow
  | OpenRow
  | CloseRow
  | PublishedFrame
  | PublishedEvent
  | PublishedMessage;
