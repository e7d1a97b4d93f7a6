#!/usr/bin/env bash
# Puts promtool, which checks deploy/prometheus/, where the tests find it. On Debian; not the whole
# of Prometheus, whose package starts a server.
set -euo pipefail
target=${1:-/usr/local/bin}
command -v promtool >/dev/null && exit
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download prometheus 2>/dev/null || { apt-get update -qq && apt-get download prometheus; }
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool
install -m 755 usr/bin/promtool "$target/promtool"
