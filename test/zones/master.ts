/** A master in a process of its own, for a test that is the worker. */
import { processChannel } from '../../src/zones/channel.js';
import { ZoneServer } from '../../src/zones/zone-server.js';

new ZoneServer().serve(processChannel(process));
process.on('disconnect', () => process.exit(0));
