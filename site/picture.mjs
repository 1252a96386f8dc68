// Writes docs/picture.svg: the output of `tsproxy -t` on a terminal for the file of docs/mistakes.md. Needs the command `script`.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Number of findings in the picture, which all five would make too long. */
const SHOWN = 3;
const [SIZE, LINE, MARGIN] = [13, 19, 20];

const [, file] = /```\n(.*?)```/s.exec(readFileSync(join(ROOT, 'docs/mistakes.md'), 'utf8'));
const directory = mkdtempSync(join(tmpdir(), 'tsproxy-picture-'));
const path = join(directory, 'chat.conf');
writeFileSync(path, file);
const command = `${join(ROOT, 'bin/tsproxy')} -t -c ${path} 2>&1; true`;
const { NO_COLOR: _, ...env } = { ...process.env, TERM: 'xterm', COLUMNS: '120' };
const printed = execFileSync('script', ['-qec', command, '/dev/null'], {
  encoding: 'utf8',
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
rmSync(directory, { recursive: true });

const output = printed.replaceAll('\r', '').replaceAll(path, '/etc/nginx/chat.conf');
const findings = output.split('\n\n').slice(0, SHOWN).join('\n\n');
const lines = ['\x1b[1m$ tsproxy -t -c /etc/nginx/chat.conf\x1b[0m', ...findings.split('\n')];

/** Colors of SGR codes. */
const COLORS = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
  2: '#8b949e',
  90: '#8b949e',
};

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll(' ', '\u00a0');
}

/** A line with escape sequences as spans. */
function spans(line) {
  let style = '';
  let result = '';
  for (const [, codes, text] of `\x1b[0m${line}`.matchAll(/\x1b\[([\d;]*)m([^\x1b]*)/g)) {
    for (const code of codes.split(';')) {
      if (code === '0' || code === '') style = '';
      else if (code === '1') style += ' font-weight="bold"';
      else if (COLORS[code] !== undefined) style = `${style.replace(/ fill="[^"]*"/, '')} fill="${COLORS[code]}"`;
    }
    if (text !== '') result += style === '' ? escaped(text) : `<tspan${style}>${escaped(text)}</tspan>`;
  }
  return result;
}

const widest = Math.max(...lines.map((line) => line.replace(/\x1b\[[\d;]*m/g, '').length));
const width = Math.ceil(widest * SIZE * 0.602) + 2 * MARGIN;
const height = lines.length * LINE + 2 * MARGIN;
const texts = lines.map((line, i) => {
  return line === '' ? '' : `<text x="${MARGIN}" y="${MARGIN + SIZE + i * LINE}">${spans(line)}</text>\n`;
});
writeFileSync(
  join(ROOT, 'docs/picture.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">
<title>Output of tsproxy -t</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${SIZE}" fill="#e6edf3">
${texts.join('')}</g>
</svg>
`,
);
