/** The attacker, as a separate process. Arguments: port, name of an attack, seconds. */
import { getPriority, setPriority } from 'node:os';
import { Attack } from './attack.js';
import { ATTACKS } from './attacks.js';

const [port, name = '', seconds] = process.argv.slice(2);
const attack = new Attack(Number(port), Number(seconds));
// If processors are scarce, the proxy has priority.
setPriority(getPriority() + 5);
await ATTACKS[name]?.run(attack);
process.send?.(attack.summary());
// The parent ends this process, which closes its connections.
process.on('disconnect', () => process.exit());
