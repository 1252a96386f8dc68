// Generated from the names of the files in this directory by `npm run generate`; do not edit.
import type { Module } from '../program/module.js';
import access_module from './access.js';
import addition_module from './addition.js';
import api_module from './api/index.js';
import api_key_module from './api_key.js';
import auth_basic_module from './auth_basic.js';
import auth_jwt_module from './auth_jwt/index.js';
import auth_request_module from './auth_request.js';
import autoindex_module from './autoindex.js';
import brotli_module from './brotli.js';
import brotli_static_module from './brotli_static.js';
import browser_module from './browser.js';
import charset_module from './charset.js';
import circuit_breaker_module from './circuit_breaker.js';
import console_module from './console/index.js';
import core_module from './core/index.js';
import cors_module from './cors.js';
import empty_gif_module from './empty_gif.js';
import environment_module from './environment.js';
import events_module from './events.js';
import geo_module from './geo.js';
import grpc_module from './grpc/index.js';
import gunzip_module from './gunzip.js';
import gzip_module from './gzip.js';
import gzip_static_module from './gzip_static.js';
import headers_module from './headers.js';
import index_file_module from './index_file.js';
import js_module from './js/index.js';
import js_balancer_module from './js_balancer.js';
import js_fetch_module from './js_fetch.js';
import js_filter_module from './js_filter.js';
import js_observe_module from './js_observe.js';
import js_periodic_module from './js_periodic.js';
import js_preload_object_module from './js_preload_object.js';
import js_shared_dict_module from './js_shared_dict.js';
import js_sse_module from './js_sse.js';
import js_upstream_module from './js_upstream.js';
import js_websocket_module from './js_websocket.js';
import keyval_module from './keyval.js';
import limit_conn_module from './limit_conn.js';
import limit_req_module from './limit_req.js';
import log_module from './log/index.js';
import main_module from './main.js';
import map_module from './map.js';
import metrics_module from './metrics.js';
import mirror_module from './mirror.js';
import not_modified_module from './not_modified.js';
import otel_module from './otel.js';
import other_protocols_module from './other_protocols.js';
import outlier_ejection_module from './outlier_ejection.js';
import proxy_module from './proxy/index.js';
import random_index_module from './random_index.js';
import range_module from './range.js';
import realip_module from './realip.js';
import referer_module from './referer.js';
import rewrite_module from './rewrite.js';
import secure_link_module from './secure_link.js';
import slice_module from './slice.js';
import split_clients_module from './split_clients.js';
import sse_module from './sse.js';
import ssi_module from './ssi/index.js';
import ssl_module from './ssl/index.js';
import static_module from './static.js';
import stub_status_module from './stub_status.js';
import sub_module from './sub.js';
import try_files_module from './try_files.js';
import tunnel_module from './tunnel.js';
import tunnel_drain_module from './tunnel_drain.js';
import tunnel_key_module from './tunnel_key.js';
import tunnel_lifetime_module from './tunnel_lifetime.js';
import tunnel_rebalance_module from './tunnel_rebalance.js';
import unsupported_module from './unsupported.js';
import upstream_module from './upstream.js';
import upstream_hash_module from './upstream_hash.js';
import upstream_health_check_module from './upstream_health_check.js';
import upstream_ip_hash_module from './upstream_ip_hash.js';
import upstream_keepalive_module from './upstream_keepalive.js';
import upstream_least_conn_module from './upstream_least_conn.js';
import upstream_least_time_module from './upstream_least_time.js';
import upstream_queue_module from './upstream_queue.js';
import upstream_random_module from './upstream_random.js';
import upstream_retry_module from './upstream_retry.js';
import upstream_sticky_module from './upstream_sticky/index.js';
import upstream_zone_module from './upstream_zone.js';
import userid_module from './userid.js';
import v2_module from './v2.js';
import v3_module from './v3.js';
import websocket_module from './websocket.js';
import websocket_access_module from './websocket_access.js';
import websocket_limit_module from './websocket_limit/index.js';
import websocket_message_module from './websocket_message/index.js';
import websocket_request_module from './websocket_request.js';
import zone_store_module from './zone_store.js';
import zstd_module from './zstd.js';
import zstd_static_module from './zstd_static.js';

/** Every module, in the order of their files' names. */
export const modules: readonly Module[] = [
  access_module,
  addition_module,
  api_module,
  api_key_module,
  auth_basic_module,
  auth_jwt_module,
  auth_request_module,
  autoindex_module,
  brotli_module,
  brotli_static_module,
  browser_module,
  charset_module,
  circuit_breaker_module,
  console_module,
  core_module,
  cors_module,
  empty_gif_module,
  environment_module,
  events_module,
  geo_module,
  grpc_module,
  gunzip_module,
  gzip_module,
  gzip_static_module,
  headers_module,
  index_file_module,
  js_module,
  js_balancer_module,
  js_fetch_module,
  js_filter_module,
  js_observe_module,
  js_periodic_module,
  js_preload_object_module,
  js_shared_dict_module,
  js_sse_module,
  js_upstream_module,
  js_websocket_module,
  keyval_module,
  limit_conn_module,
  limit_req_module,
  log_module,
  main_module,
  map_module,
  metrics_module,
  mirror_module,
  not_modified_module,
  otel_module,
  other_protocols_module,
  outlier_ejection_module,
  proxy_module,
  random_index_module,
  range_module,
  realip_module,
  referer_module,
  rewrite_module,
  secure_link_module,
  slice_module,
  split_clients_module,
  sse_module,
  ssi_module,
  ssl_module,
  static_module,
  stub_status_module,
  sub_module,
  try_files_module,
  tunnel_module,
  tunnel_drain_module,
  tunnel_key_module,
  tunnel_lifetime_module,
  tunnel_rebalance_module,
  unsupported_module,
  upstream_module,
  upstream_hash_module,
  upstream_health_check_module,
  upstream_ip_hash_module,
  upstream_keepalive_module,
  upstream_least_conn_module,
  upstream_least_time_module,
  upstream_queue_module,
  upstream_random_module,
  upstream_retry_module,
  upstream_sticky_module,
  upstream_zone_module,
  userid_module,
  v2_module,
  v3_module,
  websocket_module,
  websocket_access_module,
  websocket_limit_module,
  websocket_message_module,
  websocket_request_module,
  zone_store_module,
  zstd_module,
  zstd_static_module,
];
