/** The configuration for Neovim, `editors/neovim`: a headless editor with the language server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const isInstalled = spawnSync('nvim', ['--version']).status === 0;
const skip = isInstalled ? false : 'nvim is not installed';

/** Waits for diagnostics, a completion and an explanation, and writes them to a file. */
const SCRIPT = `
local out = {}
local function finish()
  vim.fn.writefile({ vim.json and vim.json.encode(out) or vim.fn.json_encode(out) }, vim.env.RESULT)
  vim.cmd('qa!')
end
vim.wait(20000, function() return #vim.diagnostic.get(0) > 0 end, 20)
for _, each in ipairs(vim.diagnostic.get(0)) do
  table.insert(out, each.lnum .. ' ' .. each.col .. ' ' .. each.message)
end
local uri = vim.uri_from_bufnr(0)
local function request(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 20000) or {}
  for _, answer in pairs(answers) do return answer.result end
end
local hover = request('textDocument/hover', { textDocument = { uri = uri }, position = { line = 3, character = 10 } })
table.insert(out, hover and hover.contents.value or 'no hover')
finish()
`;

test('Neovim shows diagnostics and hovers of the server', { skip }, (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsproxy-nvim-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, 'node_modules/.bin'), { recursive: true });
  symlinkSync(join(ROOT, 'bin/tsproxy'), join(directory, 'node_modules/.bin/tsproxy'));
  writeFileSync(
    join(directory, 'nginx.conf'),
    'events {}\nhttp {\n    server {\n        listen 127.0.0.1:8080;\n        retrun 200;\n    }\n}\n',
  );
  writeFileSync(join(directory, 'check.lua'), SCRIPT);
  const result = join(directory, 'result.json');
  const words = [
    '--headless',
    '--clean',
    '-u',
    join(ROOT, 'editors/neovim/tsproxy.lua'),
    'nginx.conf',
    '-c',
    'luafile check.lua',
  ];
  const env = { ...process.env, HOME: directory, XDG_STATE_HOME: directory, XDG_CACHE_HOME: directory, RESULT: result };
  const { stderr } = spawnSync('nvim', words, { cwd: directory, env, timeout: 60_000, encoding: 'utf8' });
  const [diagnostic, hover] = JSON.parse(readFileSync(result, 'utf8')) as string[];
  assert.match(diagnostic ?? '', /^4 8 unknown directive "retrun"/, stderr);
  assert.match(hover ?? '', /```nginx\nlisten /);
});
