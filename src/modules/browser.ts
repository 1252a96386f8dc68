/** nginx's `ngx_http_browser_module`: variables that depend on the `User-Agent`. */
import type { Word } from '../../grammar/syntax-tree.js';
import { custom, listOf, text } from '../config/argument-types.js';
import type { ArgumentContext, Context } from '../config/directive.js';
import { Field } from '../http/field-names.js';
import { isMsie } from '../http/user-agent.js';
import type { Exchange } from '../program/exchange.js';
import { defineModule } from '../program/module.js';
import { SettingsKey } from '../program/settings-key.js';

const CONTEXTS = ['http', 'server', 'location'] as const satisfies readonly Context[];
const UNLISTED = 'unlisted';
const NETSCAPE4 = 'netscape4';

/** Positions of a browser's version in `User-Agent`: the text before it is searched from `skip` on. */
interface Mark {
  readonly browser: string;
  readonly skip: number;
  readonly text: string;
  /** Length of the text before the version. */
  readonly length: number;
}

const BEFORE_COMPATIBLE = 'Mozilla/5.0 (compatible; '.length;
const BEFORE_PLATFORM = 'Mozilla/5.0 ('.length;

/** In the order in which they are looked for: Opera may also call itself MSIE. */
const MARKS: readonly Mark[] = [
  { browser: 'opera', skip: 0, text: 'Opera', length: 'Opera '.length },
  { browser: 'msie', skip: BEFORE_COMPATIBLE, text: 'MSIE ', length: 'MSIE '.length },
  { browser: 'gecko', skip: BEFORE_PLATFORM, text: 'rv:', length: 'rv:'.length },
  { browser: 'safari', skip: BEFORE_PLATFORM, text: 'Safari/', length: 'Safari/'.length },
  { browser: 'konqueror', skip: BEFORE_COMPATIBLE, text: 'Konqueror/', length: 'Konqueror/'.length },
];
/** Larger than any version. */
const UNREACHABLE = 4001000000;

/** A browser, as index in MARKS, and its first modern version; or `unlisted`. */
type Modern = { readonly mark: number; readonly version: number } | typeof UNLISTED;

function parseModern(words: readonly Word[], c: ArgumentContext): Modern {
  const [browser, version] = words as readonly [Word, Word?]; // 1 or 2 words: `min` and `max`
  if (version === undefined) {
    if (browser.text !== UNLISTED) {
      c.fail(browser, 'argument-count', `invalid number of arguments in "${c.directive}" directive`, {
        help: 'the only single parameter is "unlisted"; a browser is followed by its first modern version',
      });
    }
    return UNLISTED;
  }
  const mark = MARKS.findIndex((each) => each.browser === browser.text.toLowerCase());
  if (mark < 0) c.fail(browser, 'invalid-value', `unknown browser name "${browser.text}"`);
  if (!/^[0-9.]*$/.test(version.text)) {
    c.fail(version, 'invalid-value', `invalid browser version "${version.text}"`);
  }
  return { mark, version: versionOf(version.text).version };
}

/**
 * Number for the version at the start of a text: each part has two digits, the first one the weight of a million. As in
 * nginx, parts after the fourth do not count. `partial`: the value before the last part.
 */
function versionOf(written: string): { readonly version: number; readonly partial: number } {
  let version = 0;
  let partial = 0;
  let scale = 1_000_000;
  const parts = (/^[0-9.]*/.exec(written)?.[0] ?? '').split('.');
  for (const [i, part] of parts.entries()) {
    version += Number(part) * scale;
    if (i < parts.length - 1) partial = Math.max(partial, version);
    scale = Math.floor(scale / 100);
  }
  return { version, partial };
}

/** Settings of a location. */
interface BrowserRules {
  readonly modern: readonly { readonly mark: Mark; readonly version: number }[];
  readonly unlisted: boolean;
  readonly ancient: readonly string[];
  readonly netscape4: boolean;
  readonly modernValue: string;
  readonly ancientValue: string;
}

const RULES = new SettingsKey<BrowserRules>('browser', {
  modern: [],
  unlisted: false,
  ancient: [],
  netscape4: false,
  modernValue: '1',
  ancientValue: '1',
});

/** nginx: ngx_http_browser. */
function isModern(agent: string | undefined, rules: BrowserRules): boolean {
  if (agent === undefined) return rules.unlisted;
  for (const { mark, version } of rules.modern) {
    const at = agent.length > mark.skip ? agent.indexOf(mark.text, mark.skip) : -1;
    if (at < 0 || at + mark.length >= agent.length) continue;
    const found = versionOf(agent.slice(at + mark.length));
    return found.partial > version || found.version >= version;
  }
  if (rules.modern.length > 0 && !rules.unlisted) return false;
  if (rules.netscape4 && agent.length > 'Mozilla/4.72 '.length && /^Mozilla\/[1-4]/.test(agent)) return false;
  if (rules.ancient.some((name) => agent.includes(name))) return false;
  return rules.unlisted;
}

function rulesFor(x: Exchange): readonly [modern: boolean, rules: BrowserRules] {
  const rules = x.location.settings.get(RULES);
  return [isModern(x.headers.valueOf(Field.UserAgent), rules), rules];
}

export default defineModule({
  name: 'browser',
  doc: 'Sets variables according to the browser that `User-Agent` names. Current browsers imitate each other in this field: a regular expression in a `map` is usually the better choice.',
  directives: {
    modern_browser: {
      contexts: CONTEXTS,
      takes: custom('browser version | unlisted', 1, 2, parseModern),
      repeat: true,
      doc: 'First version with which a browser counts as modern: `msie`, `gecko`, `opera`, `safari` or `konqueror`. `unlisted`: browsers that neither this directive nor `ancient_browser` lists are modern; otherwise they are ancient.',
      example: 'modern_browser msie 5.5;\nmodern_browser unlisted;',
    },
    ancient_browser: {
      contexts: CONTEXTS,
      takes: listOf(text),
      repeat: true,
      doc: 'Strings in `User-Agent` of ancient browsers; `netscape4` stands for `Mozilla/1` to `Mozilla/4`.',
      example: 'ancient_browser netscape4 Links Lynx;',
    },
    modern_browser_value: {
      contexts: CONTEXTS,
      takes: text,
      default: '1',
      doc: 'Value of `$modern_browser` for modern browsers.',
      example: 'modern_browser_value modern;',
    },
    ancient_browser_value: {
      contexts: CONTEXTS,
      takes: text,
      default: '1',
      doc: 'Value of `$ancient_browser` for ancient browsers.',
      example: 'ancient_browser_value ancient;',
    },
  },
  variables: {
    modern_browser: {
      get: (x) => {
        const [modern, rules] = rulesFor(x);
        return modern ? rules.modernValue : '';
      },
      cached: true,
      changeable: true,
      doc: 'The value of `modern_browser_value` for a modern browser, otherwise empty.',
    },
    ancient_browser: {
      get: (x) => {
        const [modern, rules] = rulesFor(x);
        return modern ? '' : rules.ancientValue;
      },
      cached: true,
      changeable: true,
      doc: 'The value of `ancient_browser_value` for an ancient browser, otherwise empty.',
    },
    msie: {
      get: (x) => (isMsie(x.headers.valueOf(Field.UserAgent) ?? '') ? '1' : ''),
      cached: true,
      changeable: true,
      doc: '`1` for Internet Explorer, otherwise empty.',
    },
  },
  settings(conf, at) {
    const listed = conf.modern_browser.filter((each) => each !== UNLISTED);
    const opera = listed.some(({ mark }) => mark === 0);
    if (listed.length > 0 && !opera) listed.push({ mark: 0, version: UNREACHABLE });
    const modern = listed
      .sort((a, b) => a.mark - b.mark)
      .map(({ mark, version }) => ({ mark: MARKS[mark] as Mark, version }));
    const ancient = conf.ancient_browser.flat();
    if (conf.modern_browser.length === 0 && ancient.length === 0) {
      if (conf.modern_browser_value === '1' && conf.ancient_browser_value === '1') return;
    }
    at.program.settings.set(RULES, {
      modern,
      unlisted: conf.modern_browser.includes(UNLISTED),
      ancient: ancient.filter((name) => name !== NETSCAPE4),
      netscape4: ancient.includes(NETSCAPE4),
      modernValue: conf.modern_browser_value,
      ancientValue: conf.ancient_browser_value,
    });
  },
});
