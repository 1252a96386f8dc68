/** All metric families. `docs/metrics.md` lists them; tests compare both, and the dashboard. */
import { counter, type Family, gauge, histogram, LONG_TIMES, SIZES, TIMES } from './family.js';

const LOCATION = ['server', 'location'];
const WORKER = ['worker'];
const UPSTREAM = ['upstream'];
const PEER = ['upstream', 'peer'];

// -- requests

export const REQUESTS = counter(
  'tsproxy_http_requests_total',
  'Requests that have ended, by status; a request with a tunnel ends with it.',
  [...LOCATION, 'code'],
);
export const REQUEST_DURATION = histogram(
  'tsproxy_http_request_duration_seconds',
  'Time from the first byte of a request to the last byte of the response, without tunnels and event streams.',
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
  'Workers that were started to replace others that had exited unexpectedly.',
);
export const GENERATIONS = gauge(
  'tsproxy_worker_config_generations',
  'Configurations in use by requests or tunnels of the worker; replaced ones end with their last request or tunnel.',
  WORKER,
);
export const CPU = counter('tsproxy_worker_cpu_seconds_total', 'CPU time of the worker.', [...WORKER, 'mode']);
export const RESIDENT = gauge('tsproxy_worker_resident_memory_bytes', 'Resident memory of the worker.', WORKER);
export const HEAP_USED = gauge('tsproxy_worker_heap_used_bytes', 'V8 heap of the worker in use.', WORKER);
export const HEAP_SIZE = gauge('tsproxy_worker_heap_size_bytes', 'Total V8 heap of the worker.', WORKER);
export const EXTERNAL = gauge(
  'tsproxy_worker_external_memory_bytes',
  'Memory of the worker outside of the V8 heap, mostly buffers.',
  WORKER,
);
export const LOOP_DELAY = histogram(
  'tsproxy_worker_event_loop_delay_seconds',
  'Delay of a timer by the event loop, measured four times a second.',
  WORKER,
  TIMES,
);

// -- upstreams

export const UPSTREAM_REQUESTS = counter(
  'tsproxy_upstream_requests_total',
  'Attempts with a server of an upstream, by status of the response; none: no response was received.',
  [...PEER, 'code'],
);
export const UPSTREAM_CONNECT = histogram(
  'tsproxy_upstream_connect_duration_seconds',
  'Time to establish a connection, with its TLS handshake; reused connections are not included.',
  PEER,
  TIMES,
);
export const UPSTREAM_HEADER = histogram(
  'tsproxy_upstream_header_duration_seconds',
  'Time from the selection of the server to the head of its response.',
  PEER,
  TIMES,
);
export const UPSTREAM_RESPONSE = histogram(
  'tsproxy_upstream_response_duration_seconds',
  'Time from the selection of the server to the last byte of its response, without tunnels.',
  PEER,
  TIMES,
);
export const UPSTREAM_SENT = counter(
  'tsproxy_upstream_sent_bytes_total',
  'Bytes sent to the server, including heads; those of a tunnel are added at its end.',
  PEER,
);
export const UPSTREAM_RECEIVED = counter(
  'tsproxy_upstream_received_bytes_total',
  'Bytes received from the server, including heads; those of a tunnel are added at its end.',
  PEER,
);
export const PEER_FAILS = counter('tsproxy_upstream_fails_total', 'Failed attempts (max_fails).', PEER);
export const PEER_UP = gauge(
  'tsproxy_upstream_up',
  'Whether the server receives requests; 0 if at least one worker passes none to it.',
  PEER,
  'min',
);
export const PEER_STATE = gauge(
  'tsproxy_upstream_state',
  'Number of workers for which the server is in this state: up, draining, down, unavail (max_fails), checking and unhealthy (health_check), ejected (outlier_ejection).',
  [...PEER, 'state'],
);
export const PEER_ACTIVE = gauge('tsproxy_upstream_active', 'Active requests and tunnels of the server.', PEER);
export const PEER_CHECKS = counter(
  'tsproxy_upstream_health_checks_total',
  'Active health checks of the server, by result.',
  [...PEER, 'result'],
);
export const KEPT_ALIVE = gauge('tsproxy_upstream_idle_connections', 'Idle connections of the upstream.', UPSTREAM);
export const QUEUED = gauge('tsproxy_upstream_queue_requests', 'Requests that wait for a server (queue).', UPSTREAM);
export const QUEUE_OVERFLOWS = counter(
  'tsproxy_upstream_queue_overflows_total',
  'Requests that were refused because the queue was full.',
  UPSTREAM,
);
export const BREAKER_STATE = gauge(
  'tsproxy_circuit_breaker_state',
  'Whether the circuit breaker is in this state, according to at least one worker.',
  ['breaker', 'state'],
  'max',
);
export const BREAKER_REFUSALS = counter(
  'tsproxy_circuit_breaker_refused_total',
  'Requests that the circuit breaker has refused.',
  ['breaker'],
);

// -- WebSockets and tunnels

export const TUNNELS = gauge('tsproxy_tunnels', 'Open tunnels: WebSockets, other upgrades, and CONNECT.');
export const WEBSOCKETS = gauge('tsproxy_websockets', 'Open WebSockets.', LOCATION);
export const WEBSOCKETS_OPENED = counter('tsproxy_websocket_opened_total', 'WebSockets that were opened.', LOCATION);
export const WEBSOCKETS_CLOSED = counter(
  'tsproxy_websocket_closed_total',
  'WebSockets that have ended, by the side that closed first (client, upstream, proxy) and the code; 1006: without a Close frame.',
  [...LOCATION, 'by', 'code'],
);
export const WEBSOCKET_DURATION = histogram(
  'tsproxy_websocket_duration_seconds',
  'Time from the upgrade to the end of a WebSocket.',
  LOCATION,
  LONG_TIMES,
);
export const WEBSOCKET_MESSAGES = counter(
  'tsproxy_websocket_messages_total',
  'Messages by sender (client, upstream).',
  [...LOCATION, 'from'],
);
export const WEBSOCKET_BYTES = counter(
  'tsproxy_websocket_message_bytes_total',
  'Payload bytes of messages as sent, by sender.',
  [...LOCATION, 'from'],
);
export const WEBSOCKET_SIZE = histogram(
  'tsproxy_websocket_message_size_bytes',
  'Payload size of messages as sent, by sender.',
  [...LOCATION, 'from'],
  SIZES,
);
export const WEBSOCKET_CONTROL = counter(
  'tsproxy_websocket_control_frames_total',
  'Control frames by sender and kind (ping, pong, close), without those of the proxy.',
  [...LOCATION, 'from', 'kind'],
);
export const WEBSOCKET_PINGS = histogram(
  'tsproxy_websocket_ping_duration_seconds',
  'Time from a ping of the proxy to its pong, by side (client, upstream).',
  [...LOCATION, 'side'],
  TIMES,
);
export const WEBSOCKET_INVALID = counter(
  'tsproxy_websocket_invalid_frames_total',
  'Frames that violate RFC 6455, by sender.',
  [...LOCATION, 'from'],
);

// -- event streams (SSE)

export const EVENT_STREAMS = gauge('tsproxy_sse_streams', 'Open event streams.');
export const EVENT_STREAMS_WAITING = gauge(
  'tsproxy_sse_streams_waiting',
  'Open event streams without an upstream, which are being continued (sse_reconnect).',
);
export const EVENTS = counter('tsproxy_sse_events_total', 'Events passed to clients.');
export const EVENT_GAP = histogram(
  'tsproxy_sse_event_gap_seconds',
  'Time between two events of a stream.',
  [],
  LONG_TIMES,
);
export const HEARTBEATS = counter('tsproxy_sse_heartbeats_total', 'Comments that were inserted (sse_heartbeat).');
export const RECONNECTS = counter(
  'tsproxy_sse_reconnects_total',
  'Streams that were continued with another request (sse_reconnect).',
);

// -- limits, zones, logs

export const LIMITED = counter(
  'tsproxy_limit_requests_total',
  'Requests to which a limit applied, by directive (limit_req, limit_conn), zone and result.',
  ['limit', 'zone', 'result'],
);
export const ZONE_SIZE = gauge('tsproxy_zone_size_bytes', 'Memory of the zone.', ['zone'], 'max');
export const ZONE_USED = gauge('tsproxy_zone_used_bytes', 'Memory of the zone that is in use.', ['zone'], 'max');
export const STORE_UP = gauge(
  'tsproxy_zone_store_up',
  'Whether the store of zones (zone_store) responds: 0 if it does not respond to a worker.',
  ['store'],
  'min',
);
export const STORE_NODES = gauge(
  'tsproxy_zone_store_nodes',
  'Number of machines that use the store, as last seen.',
  ['store'],
  'max',
);
export const STORE_CALLS = counter('tsproxy_zone_store_calls_total', 'Calls of scripts in the store.', ['store']);
export const STORE_FAILURES = counter(
  'tsproxy_zone_store_failures_total',
  'Number of times at which the store was found not to respond.',
  ['store'],
);
export const DROPPED_WRITES = counter(
  'tsproxy_log_writes_dropped_total',
  'Writes of lines or buffers to the log that failed and were dropped.',
  ['log'],
);

// -- TLS

export const HANDSHAKES = counter(
  'tsproxy_tls_handshakes_total',
  'TLS handshakes with clients: completed ones by protocol version and whether a session was resumed, and failed ones.',
  ['result', 'version', 'resumed'],
);

export const CERTIFICATE_EXPIRY = gauge(
  'tsproxy_tls_certificate_expiry_timestamp_seconds',
  'Time at which the certificate expires, by its file and first name.',
  ['certificate', 'name'],
  'min',
);

// -- API keys (metrics_usage)

const USAGE = ['keys', 'client', 'plan', 'rule'];

export const USAGE_REQUESTS = counter(
  'tsproxy_api_usage_requests_total',
  'Requests with an API key by list of keys, client, plan, mapping rule and result (allowed, limited, forbidden).',
  [...USAGE, 'result'],
);
export const USAGE_UPGRADES = counter(
  'tsproxy_api_usage_upgrades_total',
  'WebSockets that were opened with an API key.',
  USAGE,
);
export const USAGE_MESSAGES = counter(
  'tsproxy_api_usage_messages_total',
  'Messages of WebSockets that were opened with an API key, by sender (client, upstream).',
  [...USAGE, 'from'],
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
  UPSTREAM_REQUESTS,
  UPSTREAM_CONNECT,
  UPSTREAM_HEADER,
  UPSTREAM_RESPONSE,
  UPSTREAM_SENT,
  UPSTREAM_RECEIVED,
  PEER_FAILS,
  PEER_UP,
  PEER_STATE,
  PEER_ACTIVE,
  PEER_CHECKS,
  KEPT_ALIVE,
  QUEUED,
  QUEUE_OVERFLOWS,
  BREAKER_STATE,
  BREAKER_REFUSALS,
  TUNNELS,
  WEBSOCKETS,
  WEBSOCKETS_OPENED,
  WEBSOCKETS_CLOSED,
  WEBSOCKET_DURATION,
  WEBSOCKET_MESSAGES,
  WEBSOCKET_BYTES,
  WEBSOCKET_SIZE,
  WEBSOCKET_CONTROL,
  WEBSOCKET_PINGS,
  WEBSOCKET_INVALID,
  EVENT_STREAMS,
  EVENT_STREAMS_WAITING,
  EVENTS,
  EVENT_GAP,
  HEARTBEATS,
  RECONNECTS,
  LIMITED,
  ZONE_SIZE,
  ZONE_USED,
  STORE_UP,
  STORE_NODES,
  STORE_CALLS,
  STORE_FAILURES,
  DROPPED_WRITES,
  HANDSHAKES,
  CERTIFICATE_EXPIRY,
  USAGE_REQUESTS,
  USAGE_UPGRADES,
  USAGE_MESSAGES,
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
