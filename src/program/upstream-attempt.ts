/** An attempt with one peer, for the `$upstream_*` variables. Times in ms, -1 if not reached. */
export class UpstreamAttempt {
  /** `$upstream_addr`. */
  address = '';
  /** `http://` or `https://`, and the URI of the request; both for `url`. */
  scheme = '';
  uri = '';
  /** `$upstream_status`; 0 if no response was received. */
  status = 0;
  /** Kind of its failure (`UpstreamFailure`); empty if it has not failed, or only by the status of the response. */
  failure = '';
  started = 0;
  /** Time in the queue of the upstream before the attempt. */
  queueTime = -1;
  connectTime = -1;
  headerTime = -1;
  responseTime = -1;
  bytesSent = 0;
  bytesReceived = 0;
  /** Bytes of body received, including framing: `$upstream_response_length`. */
  responseLength = 0;

  /** Scheme, address and URI, for the error log. */
  get url(): string {
    const { scheme, address, uri } = this;
    return `${scheme}${address}${address.startsWith('unix:') ? ':' : ''}${uri}`;
  }
}
