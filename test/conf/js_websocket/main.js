export async function upgrade(r, upgrade) {
  if (r.headersIn.Authorization === undefined) r.return(401);
}
export function message(r, message) {
  if (message.text === '') message.drop();
}
export function close(r, closing) {
  r.log(`closed with ${closing.code}`);
}
export const text = 'text';
