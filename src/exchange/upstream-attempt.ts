/** One try at one peer, as the `$upstream_*` variables tell it. Times in ms, -1 where it was not reached. */
export class UpstreamAttempt {
  /** `$upstream_addr`. */
  address = '';
  /** Scheme, address and URI, for the error log. */
  url = '';
  /** `$upstream_status`; 0 where no answer came. */
  status = 0;
  started = 0;
  connectTime = -1;
  headerTime = -1;
  responseTime = -1;
  bytesSent = 0;
  bytesReceived = 0;
  /** Bytes of body received, framing included: `$upstream_response_length`. */
  responseLength = 0;
}
