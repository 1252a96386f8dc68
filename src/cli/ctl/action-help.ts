/** Actions of `tsproxy ctl`, as its help lists them. */
const ACTIONS: readonly (readonly [usage: string, help: string])[] = [
  ['upstreams', 'state of all servers'],
  ['servers UPSTREAM', 'servers of an upstream with their parameters'],
  ['add UPSTREAM SERVER [PARAMETER...]', 'add a server: weight=2 max_conns=10 backup'],
  ['set UPSTREAM SERVER PARAMETER...', 'change parameters of a server, by address or id'],
  ['drain|down|up UPSTREAM SERVER', 'no new requests, no requests, or all'],
  ['remove UPSTREAM SERVER', 'remove a server'],
  ['rebalance UPSTREAM', 'move WebSockets to servers with fewer of them (tunnel_rebalance)'],
  ['keys ZONE', 'keys of a keyval_zone with their values'],
  ['put ZONE KEY VALUE [expire=MS]', 'add a key, or change its value'],
  ['unset ZONE KEY', 'remove a key'],
  ['clear ZONE', 'remove all keys'],
  ['connections [FILTER...]', 'open connections: client=ADDRESS location=NAME host=NAME'],
  ['tunnels [FILTER...]', 'open WebSockets, also by key=, upstream=, server='],
  ['close connections|tunnels FILTER...', 'close those that match, or all=true; code=1001 reason=TEXT spread=MS'],
  ['close ID [code=CODE] [reason=TEXT]', 'close one tunnel'],
  ['get PATH', 'any other resource of the API, such as /nginx'],
];

const WIDTH = Math.max(...ACTIONS.map(([usage]) => usage.length)) + 2;

export const ACTION_HELP = `Actions:\n${ACTIONS.map(([usage, help]) => `  ${usage.padEnd(WIDTH)}${help}`).join('\n')}\n`;
