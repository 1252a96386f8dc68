/** A master in a process of its own, for a test that is the worker. */
import { processChannel } from '../../src/zones/channel.js';
import { ZoneKeeper } from '../../src/zones/keeper.js';

new ZoneKeeper().serve(processChannel(process));
process.on('disconnect', () => process.exit(0));
