/** The attacker, as a process of its own. Arguments: port, name of an attack, seconds. */
import { getPriority, setPriority } from 'node:os';
import { Attack } from './attack.js';
import { ATTACKS } from './attacks.js';

const [port, name = '', seconds] = process.argv.slice(2);
const attack = new Attack(Number(port), Number(seconds));
// Where processors are short the proxy goes first.
setPriority(getPriority() + 5);
await ATTACKS[name]?.run(attack);
process.send?.(attack.summary());
// The parent ends this process; what is open closes with it.
process.on('disconnect', () => process.exit());
