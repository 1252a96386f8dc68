/** Puts the example of a directive into a configuration that has the block it is to stand in. */
import type { Context, DirectiveSpec } from '../../src/config/directive.js';

/** A whole configuration with the example in a block of that kind. */
export function surrounded({ example, exampleNeeds = '' }: DirectiveSpec, context: Context): string {
  if (context === 'main') {
    return `${/^\s*events\b/.test(example) ? '' : 'events { }'}\n${example}\n`;
  }
  if (context === 'events') {
    return `events {\n${example}\n}\n`;
  }
  return `events { }\nhttp {\n${exampleNeeds}\n${insideHttp(example, context)}\n}\n`;
}

function insideHttp(example: string, context: Exclude<Context, 'main' | 'events'>): string {
  const location = (body: string) => `server { location /example-of-it { ${body} } }`;
  switch (context) {
    case 'http':
      return example;
    case 'server':
      return `server {\n${example}\n}`;
    case 'location':
      return location(`\n${example}\n`);
    case 'if in server':
      return `server { if ($host) {\n${example}\n} }`;
    case 'if in location':
      return location(`if ($host) {\n${example}\n}`);
    case 'limit_except':
      return location(`limit_except GET {\n${example}\n}`);
    case 'upstream':
      // `state` takes the place of servers.
      return `upstream example_of_it {\n${/^\s*state\b/m.test(example) ? '' : 'server 127.0.0.1:8001;'}\n${example}\n}`;
    case 'match':
      return `match example_of_it {\n${example}\n}`;
  }
}
