/** `metrics`: the state of the proxy for Prometheus. An extension of tsproxy. */
import { integer, none, template } from '../config/argument-types.js';
import type { Directives } from '../config/directive.js';
import { refusalOfCrossSite } from '../exchange/cross-site.js';
import { expose, loadPromClient } from '../metrics/exposition.js';
import { locationLabel } from '../metrics/labels.js';
import { type Recording, recordingOf, recordLocation, requestRecorder, startRecording } from '../metrics/recording.js';
import { USAGE, UsageRecorder } from '../metrics/usage.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule, type Handler } from '../program/module.js';
import { DONE, type Verdict } from '../program/verdict.js';

const directives = {
  metrics: {
    contexts: ['location'],
    takes: none,
    inherit: 'noname',
    doc: 'Responds with metrics of the proxy in the text format of Prometheus, or in OpenMetrics if the request accepts it: requests, connections, upstreams and their servers, WebSockets, event streams, limits, zones, workers, certificates. They are those of all workers, whichever worker responds, and counts are not interrupted by reloads or by the end of a worker. Labels are names of the configuration, never paths or hosts of clients. Restrict access to it (`allow`, `deny`). [metrics.md](../metrics.md) lists the metrics. This is an extension of tsproxy; nginx has no such directive.',
    example: 'metrics;',
  },
  metrics_max_series: {
    contexts: ['http'],
    takes: integer({ min: 10, max: 100_000 }),
    default: '1000',
    doc: 'Maximum number of label combinations of each metric. Those beyond it are counted together, with the label value `other`. Only names that a configuration contains become labels; many of them come and go if servers of upstreams are resolved again and again, or with many reloads. This is an extension of tsproxy; nginx has no such directive.',
    example: 'metrics_max_series 5000;',
  },
  metrics_usage: {
    contexts: ['http', 'server', 'location'],
    takes: template,
    default: 'off',
    doc: 'Counts requests, WebSockets and their messages by API key (`api_key`): by list, client, plan and mapping rule. The value is the name of the rule, which may contain variables (a `map` of paths to names, say); `on` uses the pattern of the location, and `off` counts nothing. The counts are part of `metrics`, and of the API: `/9/http/usage`. This is an extension of tsproxy; nginx has no such directive.',
    example: 'metrics_usage orders;',
  },
} as const satisfies Directives;

/** Whether a client prefers OpenMetrics, as Prometheus does. */
function acceptsOpenMetrics(x: Exchange): boolean {
  return /(?:^|,)[ \t]*application\/openmetrics-text[ \t]*(?:;(?![^,]*\bq=0(?:\.0*)?[ \t]*(?:[,;]|$))|,|$)/i.test(
    x.headers.joined('accept') ?? '',
  );
}

async function send(x: Exchange, recording: Recording): Promise<Verdict> {
  const collected = await recording.collect();
  if (x.finished) return DONE;
  if (collected === null) return 503;
  const { contentType, text } = await expose(collected, acceptsOpenMetrics(x));
  if (x.finished) return DONE;
  x.response.set('Cache-Control', 'no-store');
  x.response.set('X-Content-Type-Options', 'nosniff');
  x.respond(200, Buffer.from(text), contentType);
  return DONE;
}

function metricsHandler(recording: Recording): Handler {
  return (x) => {
    if (x.method !== 'GET' && x.method !== 'HEAD') return 405;
    return refusalOfCrossSite(x)?.status ?? send(x, recording);
  };
}

export default defineModule({
  name: 'metrics',
  doc: 'Provides metrics of the proxy for Prometheus.',
  directives,
  http(conf, block, compiler) {
    startRecording(block, compiler);
    const recording = recordingOf(compiler);
    if (recording !== null) recording.metrics.limit = conf.metrics_max_series;
  },
  settings(conf, at) {
    recordLocation(at);
    const recording = recordingOf(at.compiler);
    const { metrics_usage: rule } = conf;
    if (recording === null || rule === 'off') return;
    const name = rule === 'on' ? locationLabel(at.program) : rule;
    at.program.settings.set(USAGE, new UsageRecorder(recording.metrics, at.compiler.template(name)));
  },
  phases: {
    content: {
      order: 0,
      compile(conf, { compiler }) {
        const recording = recordingOf(compiler);
        if (conf.metrics === undefined || recording === null) return null;
        compiler.whenServing(loadPromClient);
        return metricsHandler(recording);
      },
    },
    log: {
      order: 100,
      compile: (_conf, scope) => requestRecorder(scope),
    },
  },
});
