/** Decides whether a request is sent again after a failed attempt. */
import type { UpstreamFailure } from './failure.js';
import { NEXT_UPSTREAM } from './next-upstream.js';
import type { PeerSelection } from './peer-selection.js';
import type { RetryBudget } from './retry-budget.js';

/** Maximum number of attempts that do not count as tries because the peer did not process the request. */
const MAX_REFUSALS = 2;

export class RetryRules {
  /** Whether the connection of the attempt is reused: its failure costs no try; it still counts for `max_fails`, as in nginx. */
  reused = false;
  /** Number of attempts that failed because the peer did not process the request, but may on another connection. */
  private refusals = 0;

  constructor(private readonly budget: RetryBudget | null) {}

  /** Counts a failure. Returns whether the attempt is no try: its cached connection was closed, or takes no more requests. */
  isStale(failure: UpstreamFailure): boolean {
    if (failure.fresh) this.refusals++;
    if (!this.reused || failure.reason !== NEXT_UPSTREAM.error) return false;
    return failure.kind !== 'unprocessed' || (failure.fresh && this.refusals <= MAX_REFUSALS);
  }

  /** Whether another peer is tried after a response with an error. */
  permitsAnother(failure: UpstreamFailure, selection: PeerSelection, streaming: boolean): boolean {
    return failure.reason !== 0 && selection.tries > 1 && this.permits(failure, selection, streaming, false);
  }

  /** `streaming`: the body is forwarded as it arrives. */
  permits(failure: UpstreamFailure, selection: PeerSelection, streaming: boolean, isStale: boolean): boolean {
    const { reason, retry, kind } = failure;
    // Bytes of a body that is forwarded are lost, even if they were not processed.
    if (kind === 'unprocessed' && streaming) return false;
    if (!selection.mayTryAnother(reason, retry !== 'always', streaming)) return false;
    return isStale || this.budget?.available !== false;
  }
}
