/** Problems of a running proxy in plain words, from the figures of its overview. */
import type { LostWorkerReport } from './process-questions.js';
import type { CertificateState, ConsoleState, PeerCondition, Problem, UpstreamState, WorkerState } from './state.js';

const DAY = 86_400_000;
/** Time before the expiry of a certificate from which it is a problem, and the share of its validity period. */
const EXPIRY_NOTICE = 14 * DAY;
const EXPIRY_SHARE = 1 / 6;
/** Time for which the end of a worker and dropped log lines are shown. */
const EVENT_TIME = 3_600_000;
/** Delay of the event loop: that of half of all events, and the longest within a second. */
const MAX_MEDIAN_LAG = 50;
const MAX_LAG = 250;
/** Share of failing requests, and the minimum of requests per second from which it counts. */
const MAX_ERROR_SHARE = 0.05;
const MIN_RATE = 1;
/** Share of a zone's memory. Zones that drop the least recently used entries are often full. */
const MAX_ZONE_SHARE = 0.95;
const FIXED_ZONES = new Set(['keyval', 'js_shared_dict', 'limit_conn', 'upstream_servers']);

/** Lines that a log has dropped. */
export interface DroppedLines {
  /** Path of the log. */
  readonly log: string;
  readonly lines: number;
  /** Time of the last one. */
  readonly time: number;
}

/** Facts that indicate problems, besides the overview. */
export interface ProblemFacts {
  readonly state: Omit<ConsoleState, 'problems'>;
  readonly lostWorkers: readonly LostWorkerReport[];
  readonly wantedWorkers: number;
  readonly servingWorkers: number;
  readonly dropped: readonly DroppedLines[];
}

/** A problem with an unknown start (null) begins when it is found for the first time. */
type Found = Omit<Problem, 'since'> & { readonly since: number | null };

const UNAVAILABLE: ReadonlySet<PeerCondition> = new Set(['unavail', 'unhealthy', 'ejected']);

export class Problems {
  private firstSeen = new Map<string, number>();

  /** The problems, errors first, then by their start, the newest first. */
  list(facts: ProblemFacts): Problem[] {
    const { time } = facts.state;
    const found = findProblems(facts);
    const seen = new Map(found.map(({ id, since }) => [id, since ?? this.firstSeen.get(id) ?? time] as const));
    this.firstSeen = seen;
    return found
      .map((problem) => ({ ...problem, since: seen.get(problem.id) ?? time }))
      .sort((a, b) => rank(a) - rank(b) || b.since - a.since);
  }
}

function rank({ severity }: Problem): number {
  return severity === 'error' ? 0 : 1;
}

function findProblems({ state, lostWorkers, wantedWorkers, servingWorkers, dropped }: ProblemFacts): Found[] {
  const { time } = state;
  return [
    ...state.upstreams.flatMap(problemsOfUpstream),
    ...failingRequests(state),
    ...refusedReload(state),
    ...missingWorkers(wantedWorkers, servingWorkers),
    ...lost(lostWorkers, time),
    ...state.workers.flatMap(delayed),
    ...state.certificates.flatMap((certificate) => expiring(certificate, time)),
    ...state.zones.flatMap(({ name, kind, size, used }): Found[] => {
      if (!FIXED_ZONES.has(kind) || size === 0 || used / size < MAX_ZONE_SHARE) return [];
      const text = `The zone \`${name}\` is ${percent(used / size)} full`;
      return [{ severity: 'warning', id: `zone ${kind} ${name}`, text, since: null }];
    }),
    ...dropped.flatMap(({ log, lines, time: last }): Found[] => {
      if (time - last > EVENT_TIME) return [];
      const text = `${counted(lines, 'write')} to the log \`${log}\` ${lines === 1 ? 'was' : 'were'} dropped`;
      return [{ severity: 'warning', id: `log ${log}`, text, since: last }];
    }),
  ];
}

function problemsOfUpstream({ name, peers, queue, breaker }: UpstreamState): Found[] {
  const found: Found[] = [];
  const usable = peers.filter(({ state }) => state === 'up' || state === 'draining');
  const failing = peers.filter(({ state }) => UNAVAILABLE.has(state));
  const none = peers.length > 0 && usable.length === 0;
  if (failing.length > 0 || none) {
    const down = none ? peers : failing;
    const since = down.flatMap((peer) => peer.since ?? []);
    found.push({
      severity: none ? 'error' : 'warning',
      id: `servers of ${name}`,
      text: downText(name, down.length, peers.length, down[0]?.address ?? ''),
      since: since.length === 0 ? null : Math.min(...since),
    });
  }
  if (breaker === 'open') {
    const text = `The circuit breaker of \`${name}\` is open: requests are refused`;
    found.push({ severity: 'error', id: `breaker of ${name}`, text, since: null });
  } else if (breaker === 'half_open') {
    const text = `The circuit breaker of \`${name}\` is half-open: only probes are admitted`;
    found.push({ severity: 'warning', id: `breaker of ${name}`, text, since: null });
  }
  if (queue !== null && queue.max > 0 && queue.size >= queue.max) {
    const text = `The queue of \`${name}\` is full: ${counted(queue.size, 'request')} ${queue.size === 1 ? 'waits' : 'wait'} for a server`;
    found.push({ severity: 'error', id: `queue of ${name}`, text, since: null });
  }
  return found;
}

function downText(upstream: string, down: number, all: number, address: string): string {
  if (all === 1) return `The only server of \`${upstream}\` (${address}) is down`;
  if (down === all) return `All ${all} servers of \`${upstream}\` are down`;
  return `${down} of ${all} servers of \`${upstream}\` ${down === 1 ? `is down (${address})` : 'are down'}`;
}

function failingRequests({ requests: { errorRate, rate } }: ProblemFacts['state']): Found[] {
  if (errorRate === null || rate < MIN_RATE || errorRate / rate < MAX_ERROR_SHARE) return [];
  const text = `${percent(Math.min(1, errorRate / rate))} of the requests fail with a status of 500 or more`;
  return [{ severity: 'error', id: 'failing requests', text, since: null }];
}

function refusedReload({ reloads: [last] }: ProblemFacts['state']): Found[] {
  if (last === undefined || last.generation !== null) return [];
  const [reason = 'the configuration is invalid'] = last.lines;
  return [{ severity: 'warning', id: 'reload', text: `The last reload was refused: ${reason}`, since: last.time }];
}

function missingWorkers(wanted: number, serving: number): Found[] {
  if (serving >= wanted) return [];
  const severity = serving === 0 ? 'error' : 'warning';
  return [
    {
      severity,
      id: 'workers',
      text: `${wanted - serving} of ${wanted} workers ${wanted - serving === 1 ? 'is' : 'are'} missing`,
      since: null,
    },
  ];
}

function lost(workers: readonly LostWorkerReport[], now: number): Found[] {
  const recent = workers.filter(({ time }) => now - time < EVENT_TIME);
  const last = recent.at(-1);
  if (last === undefined) return [];
  const text =
    recent.length === 1
      ? `Worker process ${last.pid} ${last.how} and was replaced`
      : `${recent.length} worker processes have ended unexpectedly within an hour; the last one, ${last.pid}, ${last.how}`;
  return [{ severity: 'warning', id: 'lost workers', text, since: last.time }];
}

function delayed({ pid, lag }: WorkerState): Found[] {
  if (lag === null || (lag.p50 < MAX_MEDIAN_LAG && lag.max < MAX_LAG)) return [];
  const text = `The event loop of worker process ${pid} is delayed by up to ${Math.round(lag.max)} ms`;
  return [{ severity: 'warning', id: `lag of ${pid}`, text, since: null }];
}

function expiring({ file, names, validFrom, validTo }: CertificateState, now: number): Found[] {
  const certificate = `The certificate of \`${names[0] ?? file}\``;
  const id = `certificate ${file}`;
  if (validFrom > now) return [{ severity: 'error', id, text: `${certificate} is not valid yet`, since: null }];
  if (validTo <= now) return [{ severity: 'error', id, text: `${certificate} has expired`, since: validTo }];
  const notice = Math.min(EXPIRY_NOTICE, (validTo - validFrom) * EXPIRY_SHARE);
  if (validTo - now >= notice) return [];
  const days = Math.floor((validTo - now) / DAY);
  const when = days < 1 ? 'within a day' : `in ${counted(days, 'day')}`;
  return [{ severity: 'warning', id, text: `${certificate} expires ${when}`, since: validTo - notice }];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
