/** A process that takes connections in a store, and says so: to be killed. */
import type { RedisServer } from '../kit/redis.js';
import { openStore } from './store.js';

const [path = '', prefix = '', lease = '', key = ''] = process.argv.slice(2);
const store = await openStore({ socket: path } as RedisServer, { prefix, lease: Number(lease) });
const limits = [{ key: store.key('z', key), max: 1 }];
const zones = { backend: { tell: () => {} } as never, limits: [] };
process.send?.(await store.take(1, limits, zones));
