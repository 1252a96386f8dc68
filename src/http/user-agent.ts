/** Recognition of browsers by `User-Agent`. nginx: ngx_http_process_user_agent. */

/** Internet Explorer 4 and 5, and 6 before Windows XP Service Pack 2, by nginx's rules. */
export function isMsie6(agent: string): boolean {
  const version = /MSIE (.)\../s.exec(agent)?.[1];
  if (version === undefined || agent.includes('Opera')) return false;
  return (
    version === '4' || version === '5' || (version === '6' && !agent.slice(agent.indexOf('MSIE ')).includes('SV1'))
  );
}

/** Internet Explorer of any version. */
export function isMsie(agent: string): boolean {
  const at = agent.indexOf('MSIE ');
  return at >= 0 && at + 'MSIE 1.'.length < agent.length && !agent.includes('Opera');
}
