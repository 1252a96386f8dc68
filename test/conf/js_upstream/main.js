export function request(r, request) {
  request.headers.set('X-Time', Date.now());
}
export function response(r, response) {
  response.headers.delete('X-Powered-By');
}
export const text = 'text';
