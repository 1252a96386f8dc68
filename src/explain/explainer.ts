/**
 * Explains how a configuration handles a request: it is compiled as for serving, with an observer, and the request is
 * processed, from the real request parser to the head sent to an upstream server. No socket and no log is opened.
 */

import { formatAddress, parseAddress } from '../config/address.js';
import { Catalogue } from '../config/catalogue.js';
import type { CheckResult } from '../config/check.js';
import type { CheckedBlock, CheckedConfig } from '../config/checked-config.js';
import { logMessage } from '../diagnostics/log-message.js';
import { httpExchange } from '../exchange/exchange.js';
import { RATE } from '../exchange/pace.js';
import { BODY_FILES } from '../exchange/request-body.js';
import { startErrorMessage } from '../process/start-error-message.js';
import { compileRoutingTable, type RoutingTable } from '../program/compiler.js';
import type { Exchange } from '../program/exchange.js';
import type { Module } from '../program/module.js';
import { listensOf } from '../routing/listen-data.js';
import { listenAddresses, listenKey } from '../routing/listeners.js';
import { Upstream } from '../upstream/upstream.js';
import { explainBalancing, resetUpstream } from './balancing.js';
import { cacheOf } from './cache-rules.js';
import { CannotExplain } from './cannot-explain.js';
import { effectiveDirectives } from './effective-directives.js';
import type { ExplainedAnswer, ExplainedServer, ExplainedUpstream, Explanation, Written } from './explanation.js';
import { linesOfHead } from './field-lines.js';
import { whyNoWebSocket } from './handshake.js';
import { type Arrival, chooseListener, isSecure } from './listener-choice.js';
import { Recorder, Recording } from './recorder.js';
import { type ParsedRequest, parseRequest, type RequestInput, type SampleAnswer } from './request-input.js';
import { type Client, type Received, runRequest } from './run-request.js';
import { type SentRequest, SimulatedUpstreams, type UpstreamObserver } from './simulated-upstreams.js';
import { streamOf } from './stream-rules.js';
import { WrittenBlocks } from './written-blocks.js';

/** Result of one run. */
interface Run {
  readonly received: Received;
  readonly recording: Recording;
  readonly upstreams: readonly (Omit<ExplainedUpstream, 'requests'> & { readonly requests: readonly SentRequest[] })[];
}

/** Current replacement for upstream connections; referenced by the compiled table. */
interface SimulationSlot {
  simulated: SimulatedUpstreams | null;
}

export class Explainer {
  private constructor(
    private readonly config: CheckedConfig,
    private readonly table: RoutingTable,
    private readonly recorder: Recorder,
    private readonly catalogue: Catalogue,
    private readonly slot: SimulationSlot,
  ) {}

  /** Compiles a checked configuration; `prefix` as for serving. Rejects with CannotExplain. */
  static async open(checked: CheckResult, modules: readonly Module[], prefix: string): Promise<Explainer> {
    const { config, findings, records } = checked;
    if (config === null) {
      const first = findings.find(({ severity }) => severity === 'error');
      throw new CannotExplain(
        first === undefined ? 'the configuration was refused' : logMessage(first),
        findings,
        'configuration',
      );
    }
    const slot: SimulationSlot = { simulated: null };
    const recorder = new Recorder(new WrittenBlocks(records), modules, (target, owner) => {
      if (slot.simulated === null) throw new Error('a connection while no request is handled');
      return slot.simulated.connect(target, owner);
    });
    let table: RoutingTable;
    try {
      const { errorLog } = recorder;
      table = await compileRoutingTable(config, modules, { errorLog, prefix, observer: recorder });
    } catch (error) {
      throw new CannotExplain(startErrorMessage(error), [], 'configuration');
    }
    for (const program of table.programs.locations.values()) {
      program.headerFilters = [recorder.beforeFilters, ...program.headerFilters];
      // Request bodies are not written to files.
      program.settings.set(BODY_FILES, BODY_FILES.initial);
      program.settings.clientBodyBufferSize = Number.MAX_SAFE_INTEGER;
      // The beginning of a response is enough, so it is not rate-limited.
      program.settings.set(RATE, RATE.initial);
    }
    return new Explainer(config, table, recorder, new Catalogue(modules), slot);
  }

  /** Releases the shared objects of the table. */
  close(): void {
    this.table.shared.close([]);
  }

  /** Explains one request, as the first one after a start. Rejects with CannotExplain. Calls must not overlap. */
  async explain(input: RequestInput): Promise<Explanation> {
    const request = parseRequest(input);
    const arrival = chooseListener(this.table.listeners, request, input.listen);
    const client = clientOf(input.from, arrival);
    const sample = input.answer ?? { fields: [] };
    const run = await this.run(request, arrival, client, sample);
    const { main } = run.recording;
    if (main === null) throw new CannotExplain(`the request "${request.line}" reached no server`);
    const redirect =
      sample.status === undefined && run.upstreams.length > 0 && run.received.head !== ''
        ? await this.redirect(request, arrival, client, sample)
        : null;
    return this.explanation(request, arrival, client, run, main, redirect);
  }

  private async run(request: ParsedRequest, arrival: Arrival, client: Client, sample: SampleAnswer): Promise<Run> {
    const { recorder, table, config } = this;
    const recording = new Recording();
    recorder.recording = recording;
    const upstreams: (Omit<ExplainedUpstream, 'requests'> & { requests: SentRequest[] })[] = [];
    const indexes = new Map<object, number>();
    const observer: UpstreamObserver = {
      onConnect: (sent) => {
        let i = indexes.get(sent.request);
        if (i === undefined) {
          i = upstreams.length;
          indexes.set(sent.request, i);
          upstreams.push({ ...this.balancing(sent.x, sent.upstream), requests: [] });
        }
        upstreams[i]?.requests.push(sent);
        recorder.peer(sent.x, i, sent.peer.name);
      },
      onRespond: ({ answer }) => {
        recording.sample = linesOfHead(answer);
      },
    };
    for (const upstream of this.upstreams()) resetUpstream(upstream);
    const simulated = new SimulatedUpstreams(sample, observer);
    this.slot.simulated = simulated;
    try {
      const received = await runRequest(table, request, arrival, client, recorder.errorLog);
      const { main } = recording;
      // If no peer was available, there was no connection.
      if (main !== null && upstreams.length === 0 && main.attempts !== null) {
        const name = main.attempts.at(-1)?.address.toLowerCase();
        const unavailable = this.upstreams().find((upstream) => upstream.name.toLowerCase() === name);
        if (unavailable !== undefined) {
          upstreams.push({ ...explainBalancing(main, unavailable, config, recorder.written), requests: [] });
        }
      }
      return { received, recording, upstreams };
    } finally {
      simulated.close();
      this.slot.simulated = null;
    }
  }

  private balancing(x: Exchange, upstream: Upstream): Omit<ExplainedUpstream, 'requests'> {
    const { recorder } = this;
    recorder.muted = true;
    try {
      return explainBalancing(x, upstream, this.config, recorder.written);
    } finally {
      recorder.muted = false;
    }
  }

  private upstreams(): Upstream[] {
    return [...this.table.shared.entries()].map(([, object]) => object).filter((object) => object instanceof Upstream);
  }

  /** Runs the request again with an upstream response that redirects to the upstream's own URL. */
  private async redirect(
    request: ParsedRequest,
    arrival: Arrival,
    client: Client,
    { fields }: SampleAnswer,
  ): Promise<ExplainedAnswer['redirect']> {
    const { received, upstreams } = await this.run(request, arrival, client, { status: 302, fields });
    const location = (head: string): string | undefined => /^Location: *([^\r\n]*)/im.exec(head)?.[1];
    const from = location(upstreams.at(-1)?.requests.at(-1)?.answer ?? '');
    const to = location(received.head);
    return from === undefined || to === undefined ? null : { from, to };
  }

  private explanation(
    request: ParsedRequest,
    arrival: Arrival,
    client: Client,
    { received, recording, upstreams }: Run,
    main: Exchange,
    redirect: ExplainedAnswer['redirect'],
  ): Explanation {
    const { recorder } = this;
    const { written } = recorder;
    const block = httpExchange(main).location.block ?? this.config;
    const { head: sent = '', answer = '' } = upstreams.at(-1)?.requests.at(-1) ?? {};
    const status = Number(/^HTTP\/\S+ (\d+)/.exec(received.head)?.[1] ?? 0);
    const assumptions = [...request.assumptions];
    if (isSecure(request.scheme) && !arrival.secure) {
      assumptions.push(`${request.scheme}: TLS is terminated in front of this proxy`);
    }
    if (recorder.unknownHosts.size > 0) {
      const hosts = [...recorder.unknownHosts].sort().join(', ');
      assumptions.push(
        `these hosts have addresses where the proxy runs (they have none here; tsproxy starts anyway, nginx does not): ${hosts}`,
      );
    }
    if (upstreams.length > 0) assumptions.push('upstream servers have no prior state, and respond as shown');
    if (!received.over && received.head === '') {
      assumptions.push('a handler was still waiting when the explanation timed out');
    }
    const directives = effectiveDirectives(block, written, this.catalogue, (declared) =>
      recorder.phasesOf(block, declared),
    );
    return {
      version: 1,
      request: {
        line: request.line,
        head: request.head,
        body: request.bodyLength,
        from: client.address === '' ? 'unix:' : formatAddress({ host: client.address, port: client.port }),
      },
      listener: {
        address: arrival.address,
        why: arrival.why,
        listen: this.listenOf(main, arrival),
        others: arrival.others,
      },
      server: this.server(main, recording, arrival),
      steps: recording.steps,
      location: written.block(block),
      directives,
      upstreams: upstreams.map(({ requests, ...upstream }) => ({
        ...upstream,
        requests: requests.map(({ peer, head, body, answer }) => ({ address: peer.name, head, body, answer })),
      })),
      cache: cacheOf(httpExchange(main), answer, directives),
      answer: {
        status,
        head: received.head,
        body: received.body,
        redirect,
        noWebSocket:
          request.scheme === 'ws' || request.scheme === 'wss' ? whyNoWebSocket(httpExchange(main), sent, status) : null,
        stream: streamOf(httpExchange(main), received.head, answer, directives, written),
      },
      assumptions,
    };
  }

  private server(x: Exchange, { named }: Recording, { listening, localAddress }: Arrival): ExplainedServer {
    const program = listening.byLocalAddress?.get(localAddress) ?? listening.program;
    const names = this.recorder.namesOf(program.names);
    const matched = named?.found?.written ?? null;
    return {
      ...this.writtenBlock(httpExchange(x).server.base.block),
      name: x.server.name,
      host: named?.host ?? '',
      why: named === undefined ? 'refused' : reasonOf(matched),
      matched,
      considered: [...new Set(names.map(({ server }) => server))].map((server) => {
        return {
          server: this.writtenBlock(server.base.block),
          names: names.filter((each) => each.server === server).map((each) => each.written),
          default: server === program.defaultServer,
        };
      }),
    };
  }

  private writtenBlock(block: CheckedBlock | null): Written {
    return block === null ? { text: 'server', at: null } : this.recorder.written.block(block);
  }

  /** The `listen` directive of the server for that address. */
  private listenOf(x: Exchange, { address }: Arrival): Written | null {
    const { written } = this.recorder;
    const { block } = httpExchange(x).server.base;
    if (block === null) return null;
    const port = /:(\d+)$/.exec(address)?.[1];
    const found = listensOf(block).find(({ address: own }) =>
      own.family === 'name'
        ? String(own.port) === port
        : listenAddresses(own).some((each) => listenKey(each) === address),
    );
    return found === undefined || found.at === null ? null : written.at(found.at, 'listen');
  }
}

function reasonOf(matched: string | null): ExplainedServer['why'] {
  if (matched === null) return 'default';
  if (matched.startsWith('~')) return 'regex';
  if (matched.startsWith('*.') || matched.startsWith('.')) return 'leading wildcard';
  return matched.endsWith('.*') ? 'trailing wildcard' : 'exact';
}

/** Address of the client; throws CannotExplain. */
function clientOf(from: string | undefined, { listening }: Arrival): Client {
  if (listening.path !== null) {
    if (from !== undefined && from !== 'unix:') {
      throw new CannotExplain(`the client of a unix socket has no address: "${from}"`);
    }
    return { address: '', port: 0 };
  }
  if (from === undefined)
    return { address: listening.host.includes(':') ? '::1' : '127.0.0.1', port: DEFAULT_CLIENT_PORT };
  const text = from.includes(':') && !from.startsWith('[') && !/^[^:]*:\d+$/.test(from) ? `[${from}]` : from;
  const address = parseAddress(text, { defaultPort: DEFAULT_CLIENT_PORT });
  if ('mistake' in address || address.family === 'unix' || address.family === 'name') {
    throw new CannotExplain(`"${from}" is not an IP address with an optional port`);
  }
  return { address: address.host, port: address.port };
}

/** The client's port if none is given. */
const DEFAULT_CLIENT_PORT = 50000;
