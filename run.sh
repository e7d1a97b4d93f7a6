#!/usr/bin/env bash
# Everything on this machine, with pip and venv only:
#   ./run.sh [--with-flower]   start Redis (unless REDIS_URL is set), the worker and the API
#   ./run.sh test [...]        run the tests (arguments go to pytest)
#   ./run.sh chaos             the full bench that kills things, some ten minutes
#   ./run.sh check             format, lint, types, imports
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

give_up() {
  echo "$1" >&2
  exit 1
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.11 python3.12 python3.13; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

# Installs only when the lock file or the project's own list has changed.
install() {
  local extras=$1 stamp wanted
  stamp=".venv/installed-$extras"
  wanted=$(cat requirements.lock.txt pyproject.toml | cksum)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  if [ ! -x .venv/bin/python ]; then
    local python
    python=$(find_python) || give_up "Python 3.11 or newer is needed; install it, or set PYTHON to one."
    "$python" -m venv .venv || give_up "Cannot make .venv: is the venv module installed, and the disk not full?"
  fi
  echo "Installing (the first time takes some minutes) ..." >&2
  if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    -c requirements.lock.txt -e ".[$extras]" 2>.venv/install.log; then
    grep -m 1 -E 'No space left|ERROR' .venv/install.log >&2 || true
    give_up "Cannot install; .venv/install.log has the whole story."
  fi
  echo "$wanted" >"$stamp"
}

case "${1:-}" in
test)
  shift
  install api,worker,webhooks,serve,cli,storage,tracing,dev
  exec .venv/bin/python -m pytest "$@"
  ;;
chaos)
  shift
  install api,worker,webhooks,serve,cli,storage,tracing,dev
  CHAOS_SCALE=full exec .venv/bin/python -m pytest --timeout=1800 -s tests/chaos "$@"
  ;;
check)
  install api,worker,webhooks,serve,cli,storage,tracing,dev
  .venv/bin/ruff format --check .
  .venv/bin/ruff check .
  .venv/bin/lint-imports
  exec .venv/bin/mypy api worker shared scripts benchmarks tests
  ;;
*)
  install api,worker,webhooks,serve,cli,storage,tracing
  exec .venv/bin/python -m scripts.serve "$@"
  ;;
esac
