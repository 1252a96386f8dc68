/** Parameters of SETTINGS frames (RFC 9113 6.5.2, RFC 8441 3). */
import { ErrorCode } from './error-codes.js';
import { DEFAULT_FRAME_SIZE, DEFAULT_WINDOW, MAX_FRAME_SIZE, MAX_WINDOW } from './frame-types.js';

export const Setting = {
  HeaderTableSize: 1,
  EnablePush: 2,
  MaxConcurrentStreams: 3,
  InitialWindowSize: 4,
  MaxFrameSize: 5,
  MaxHeaderListSize: 6,
  EnableConnectProtocol: 8,
} as const;

/** Parameters that the peer has announced. */
export class PeerSettings {
  headerTableSize = 4096;
  maxConcurrentStreams = Number.POSITIVE_INFINITY;
  initialWindow = DEFAULT_WINDOW;
  maxFrameSize = DEFAULT_FRAME_SIZE;
  maxHeaderListSize = Number.POSITIVE_INFINITY;
  connectProtocol = false;
  /** Text for the log after `apply` has returned an error. */
  reason = '';

  /** `peer` is the subject of `reason`: `client` or `upstream`. */
  constructor(private readonly peer: string) {}

  /** Applies one parameter; returns 0, or the error code of the connection error. Unknown parameters are ignored. */
  apply(id: number, value: number): number {
    switch (id) {
      case Setting.HeaderTableSize:
        this.headerTableSize = value;
        return 0;
      case Setting.EnablePush:
        return value > 1 ? this.refuse('ENABLE_PUSH', value, ErrorCode.ProtocolError) : 0;
      case Setting.MaxConcurrentStreams:
        this.maxConcurrentStreams = value;
        return 0;
      case Setting.InitialWindowSize:
        if (value > MAX_WINDOW) return this.refuse('INITIAL_WINDOW_SIZE', value, ErrorCode.FlowControlError);
        this.initialWindow = value;
        return 0;
      case Setting.MaxFrameSize:
        if (value < DEFAULT_FRAME_SIZE || value > MAX_FRAME_SIZE) {
          return this.refuse('MAX_FRAME_SIZE', value, ErrorCode.ProtocolError);
        }
        this.maxFrameSize = value;
        return 0;
      case Setting.MaxHeaderListSize:
        this.maxHeaderListSize = value;
        return 0;
      case Setting.EnableConnectProtocol:
        // It must not be withdrawn (RFC 8441 3).
        if (value > 1 || (value === 0 && this.connectProtocol)) {
          return this.refuse('ENABLE_CONNECT_PROTOCOL', value, ErrorCode.ProtocolError);
        }
        this.connectProtocol = value === 1;
        return 0;
      default:
        return 0;
    }
  }

  private refuse(name: string, value: number, code: number): number {
    this.reason = `${this.peer} sent SETTINGS frame with incorrect ${name} value ${value}`;
    return code;
  }
}
