/** Times by status: `proxy_cache_valid`. nginx: ngx_http_file_cache_valid. */

export interface ValidTime {
  /** 0: any status. */
  readonly status: number;
  /** s */
  readonly seconds: number;
}

/** Time for which a response with that status is valid, in s; 0: it is not stored. The first rule that applies decides. */
export function validTime(rules: readonly ValidTime[], status: number): number {
  for (const rule of rules) if (rule.status === 0 || rule.status === status) return rule.seconds;
  return 0;
}

/** Until when a response is valid: as its fields say, otherwise as configured; s since 1970, 0: it is not stored. */
export function endOfValidity(byFields: number, rules: readonly ValidTime[], status: number, now: number): number {
  if (byFields !== 0) return byFields;
  const seconds = validTime(rules, status);
  return seconds === 0 ? 0 : now + seconds;
}
