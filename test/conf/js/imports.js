import { missing } from './lib.ts';
import other from './none.js';
export default { missing, other };
