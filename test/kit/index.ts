/** The test kit: a proxy, clients and back ends in a line each. */
export * from './accepting.js';
export * from './answer.js';
export * from './backend.js';
export * from './certificates.js';
export * from './clock.js';
export * from './closed-port.js';
export * from './connection.js';
export * from './event-stream.js';
export * from './garbage.js';
export * from './https-backend.js';
export * from './node-server.js';
export * from './proxy.js';
export * from './proxy-protocol.js';
export * from './stalls.js';
export * from './tls.js';
export * from './websocket.js';
