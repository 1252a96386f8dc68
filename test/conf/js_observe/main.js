export function audit(request) {
  ngx.log(ngx.INFO, `${request.method} ${request.target} ${request.status}`);
}
export const record = async (r, message) => r.log(message.text);
