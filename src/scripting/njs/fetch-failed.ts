/** A failure of `ngx.fetch` with njs's message; to scripts it is an `Error`. */
export class FetchFailed extends Error {
  override readonly name = 'Error';
}
