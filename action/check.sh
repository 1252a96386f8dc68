#!/usr/bin/env bash
# The step of action.yml: tests configurations, prints the findings as workflow commands, and fails with the test.
# Inputs: TSPROXY_PATHS (one a line), TSPROXY_STRICT, TSPROXY_FMT (true or false), TSPROXY_NGINX (a version),
# TSPROXY_SARIF (a file).
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tsproxy=$root/bin/tsproxy

# A checkout of the action is source text.
if [ ! -e "$root/dist/src/cli/main.js" ]; then
  (cd "$root" && npm ci --no-audit --no-fund --silent && npm run build --silent) || exit 1
fi

paths=()
while IFS= read -r path; do
  if [ -n "$path" ]; then paths+=("$path"); fi
done <<< "${TSPROXY_PATHS:-.}"
if [ "${#paths[@]}" -eq 0 ]; then paths=(.); fi
options=(-t)
if [ "${TSPROXY_STRICT:-false}" = true ]; then options+=(--strict); fi
if [ -n "${TSPROXY_NGINX:-}" ]; then options+=(--nginx "$TSPROXY_NGINX"); fi

code=0
findings=$("$tsproxy" "${options[@]}" --format github "${paths[@]}") || code=$?
if [ -n "$findings" ]; then printf '%s\n' "$findings"; fi
if [ -n "${TSPROXY_SARIF:-}" ]; then
  "$tsproxy" "${options[@]}" --format sarif "${paths[@]}" > "$TSPROXY_SARIF" 2> /dev/null || true
fi
if [ "${TSPROXY_FMT:-false}" = true ]; then
  unformatted=$("$tsproxy" fmt --check "${paths[@]}") || code=1
  if [ -n "$unformatted" ]; then
    printf '%s\n' "$unformatted" | while IFS= read -r file; do
      printf '::error file=%s,title=fmt::not formatted: run "tsproxy fmt %s"\n' "${file#"$PWD"/}" "${file#"$PWD"/}"
    done
  fi
fi
count=$(printf '%s' "$findings" | grep -c '^::' || true)
if [ -n "${GITHUB_OUTPUT:-}" ]; then echo "findings=$count" >> "$GITHUB_OUTPUT"; fi
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  if [ "$code" -eq 0 ]; then result=successful; else result=failed; fi
  echo "\`tsproxy -t\`: test is $result, findings: $count" >> "$GITHUB_STEP_SUMMARY"
fi
exit "$code"
