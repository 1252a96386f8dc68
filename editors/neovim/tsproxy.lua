-- Language server for nginx configurations (tsproxy lsp), for Neovim 0.7 or newer.
-- Copy this file to ~/.config/nvim/plugin/tsproxy.lua; `tsproxy` must be in PATH or in node_modules of the project.

local M = {}

-- Settings, see docs/editors.md.
M.settings = vim.g.tsproxy or {}

vim.api.nvim_create_autocmd({ 'BufRead', 'BufNewFile' }, {
  pattern = { 'nginx.conf', 'tsproxy.conf', '*.nginx', '*/nginx/*.conf', '*/sites-available/*', '*/sites-enabled/*', '*/conf.d/*.conf' },
  callback = function() vim.bo.filetype = 'nginx' end,
})

-- The directory with the main file or the repository, at or above a file.
local function root_of(path)
  local directory = vim.fn.fnamemodify(path, ':p:h')
  local current = directory
  while current ~= vim.fn.fnamemodify(current, ':h') do
    for _, name in ipairs({ 'nginx.conf', 'package.json', '.git' }) do
      local found = current .. '/' .. name
      if vim.fn.filereadable(found) == 1 or vim.fn.isdirectory(found) == 1 then return current end
    end
    current = vim.fn.fnamemodify(current, ':h')
  end
  return directory
end

local function program(root)
  local own = root .. '/node_modules/.bin/tsproxy'
  return vim.fn.executable(own) == 1 and own or 'tsproxy'
end

-- Asks for a request and shows the explanation in a new window; called by the code lenses.
local function explain(command, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  vim.ui.input({ prompt = 'Request: ', default = command.arguments[2] }, function(request)
    if not request or not client then return end
    local params = { command = command.command, arguments = { command.arguments[1], request } }
    client.request('workspace/executeCommand', params, function(failure, result)
      if failure then return vim.notify(failure.message, vim.log.levels.ERROR) end
      vim.cmd('new')
      vim.bo.buftype, vim.bo.bufhidden = 'nofile', 'wipe'
      vim.api.nvim_buf_set_lines(0, 0, -1, false, vim.split(result.text, '\n'))
    end, context.bufnr)
  end)
end

local clients = {}

function M.start(buffer)
  local root = root_of(vim.api.nvim_buf_get_name(buffer))
  local config = {
    name = 'tsproxy',
    cmd = { program(root), 'lsp', '--stdio' },
    root_dir = root,
    init_options = M.settings,
    commands = { ['tsproxy.explain'] = explain },
  }
  if vim.lsp.start then return vim.lsp.start(config, { bufnr = buffer }) end
  -- Neovim 0.7
  clients[root] = clients[root] or vim.lsp.start_client(config)
  if clients[root] then vim.lsp.buf_attach_client(buffer, clients[root]) end
  return clients[root]
end

vim.api.nvim_create_autocmd('FileType', {
  pattern = 'nginx',
  callback = function(event) M.start(event.buf) end,
})

return M
