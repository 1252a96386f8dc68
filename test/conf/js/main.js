import { name } from './lib.ts';

function hello(r) {
  r.return(200, name);
}

function user(r) {
  return r.variables.remote_user;
}

const nested = { check: (r) => r.decline() };

export default { hello, user, nested, text: 'hello' };
export { hello as named };
