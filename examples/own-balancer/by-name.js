// @ts-check
/** `by_name`: a load balancing method that prefers servers in the order of their names, as far as they are idle. */
import { defineModule, none, useBalancingMethod } from 'tsproxy/module';

export default defineModule({
  name: 'upstream_by_name',
  doc: 'Load balancing in the order of names.',
  directives: {
    by_name: {
      contexts: ['upstream'],
      takes: none,
      inherit: 'none',
      doc: 'Selects the first server, in the order of their addresses, that has the fewest active requests.',
      example: 'by_name;',
    },
  },
  http(_conf, block, compiler) {
    useBalancingMethod(block, 'by_name', compiler, (_session, peers) =>
      peers.reduce((best, peer) => {
        if (peer.connections !== best.connections) return peer.connections < best.connections ? peer : best;
        return peer.name < best.name ? peer : best;
      }),
    );
  },
});
