/** All metric families. `docs/metrics.md` lists them; tests compare both, and the dashboard. */
import { counter, type Family, gauge, histogram, SIZES, TIMES } from './family.js';

const LOCATION = ['server', 'location'];
const WORKER = ['worker'];

// -- requests

export const REQUESTS = counter(
  'tsproxy_http_requests_total',
  'Requests that have ended, with a tunnel at its end, by status.',
  [...LOCATION, 'code'],
);
export const REQUEST_DURATION = histogram(
  'tsproxy_http_request_duration_seconds',
  'Time from the first byte of a request to the last byte of the response, without tunnels.',
  LOCATION,
  TIMES,
);
export const REQUEST_BYTES = histogram(
  'tsproxy_http_request_size_bytes',
  'Size of requests, head and body.',
  LOCATION,
  SIZES,
);
export const RESPONSE_BYTES = histogram(
  'tsproxy_http_response_size_bytes',
  'Size of responses, head and body, without tunnels.',
  LOCATION,
  SIZES,
);
export const INCOMPLETE = counter(
  'tsproxy_http_responses_incomplete_total',
  'Responses that ended early, because the client has closed the connection or because of a failure.',
  LOCATION,
);
export const IN_FLIGHT = gauge(
  'tsproxy_http_requests_in_flight',
  'Requests that are being read or handled, and tunnels, by state of their connection.',
  ['state'],
);

// -- connections

export const ACCEPTED = counter('tsproxy_connections_accepted_total', 'Accepted client connections.');
export const HANDLED = counter(
  'tsproxy_connections_handled_total',
  'Client connections that were served, without those refused by a limit.',
);
export const RECEIVED_REQUESTS = counter(
  'tsproxy_connections_requests_total',
  'Requests of which at least a part has been received.',
);
export const CONNECTIONS = gauge('tsproxy_connections', 'Open client connections by state.', ['state']);

// -- processes

export const BUILD_INFO = gauge(
  'tsproxy_build_info',
  'Always 1; the labels are the versions of the proxy and of Node.js.',
  ['version', 'node'],
);
export const GENERATION = gauge('tsproxy_config_generation', 'Number of the configuration in force, from 1.');
export const LOADED_AT = gauge(
  'tsproxy_config_last_load_success_timestamp_seconds',
  'Time of the last start or reload that has succeeded.',
);
export const LAST_RELOAD = gauge(
  'tsproxy_config_last_reload_successful',
  'Whether the last reload has succeeded (1) or was refused (0).',
);
export const RELOADS = counter('tsproxy_config_reloads_total', 'Reloads by result: success, or refused.', ['result']);
export const WORKERS = gauge('tsproxy_workers', 'Workers that have reported their metrics.');
export const RESTARTS = counter(
  'tsproxy_worker_restarts_total',
  'Workers that were started in place of others that had died.',
);
export const GENERATIONS = gauge(
  'tsproxy_worker_config_generations',
  'Configurations that requests or tunnels of the worker use; those after the first one end with their last user.',
  WORKER,
);
export const CPU = counter('tsproxy_worker_cpu_seconds_total', 'CPU time of the worker.', [...WORKER, 'mode']);
export const RESIDENT = gauge('tsproxy_worker_resident_memory_bytes', 'Resident memory of the worker.', WORKER);
export const HEAP_USED = gauge('tsproxy_worker_heap_used_bytes', 'Memory of V8 objects of the worker in use.', WORKER);
export const HEAP_SIZE = gauge(
  'tsproxy_worker_heap_size_bytes',
  'Memory of V8 objects of the worker in total.',
  WORKER,
);
export const EXTERNAL = gauge('tsproxy_worker_external_memory_bytes', 'Memory of buffers of the worker.', WORKER);
export const LOOP_DELAY = histogram(
  'tsproxy_worker_event_loop_delay_seconds',
  'Delay of a timer by the event loop, measured four times a second.',
  WORKER,
  TIMES,
);

export const FAMILIES: readonly Family[] = [
  REQUESTS,
  REQUEST_DURATION,
  REQUEST_BYTES,
  RESPONSE_BYTES,
  INCOMPLETE,
  IN_FLIGHT,
  ACCEPTED,
  HANDLED,
  RECEIVED_REQUESTS,
  CONNECTIONS,
  BUILD_INFO,
  GENERATION,
  LOADED_AT,
  LAST_RELOAD,
  RELOADS,
  WORKERS,
  RESTARTS,
  GENERATIONS,
  CPU,
  RESIDENT,
  HEAP_USED,
  HEAP_SIZE,
  EXTERNAL,
  LOOP_DELAY,
];
