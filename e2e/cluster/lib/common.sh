# shellcheck shell=bash
# Settings and small helpers of the test cluster; sourced, never run.
#
# Everything the cluster owns on this machine lives under SABOT_STATE, SABOT_RUN, in network
# namespaces sabot-* and in cgroups sabot-e2e/*. What is expensive to make lives under
# SABOT_CACHE, outside the clone, and is shared by all clones.

CLUSTER_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SABOT_CACHE=${SABOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sabot}
TOOLS=$SABOT_CACHE/tools
BIN=$TOOLS/bin
SABOT_STATE=/var/lib/sabot-e2e      # disks, logs, keys: removed by `down --purge`
SABOT_RUN=/run/sabot-e2e            # what runs: pid files
LOCK_FILE=/run/lock/sabot-e2e.lock
CGROUP=sabot-e2e
PKI=$SABOT_STATE/pki
ADMIN_KUBECONFIG=$SABOT_STATE/admin.kubeconfig
CP_IP=10.99.0.1
SERVICE_CIDR=10.96.0.0/16
POD_CIDR=10.244.0.0/16
S3_PORT=7070 S3_ACCESS_KEY=sabot-e2e S3_SECRET_KEY=sabot-e2e-secret
KAFKA_PORT=9092 PROMETHEUS_PORT=9090
IMAGE_TAG=${SABOT_E2E_TAG:-e2e}

export PATH="$PATH:/usr/sbin:/sbin"

log() { printf '%s %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
die() { log "error: $*"; exit 1; }
seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { printf "%.1f", b - a }'; }
need_root() { [ "$(id -u)" = 0 ] || die "this needs root: the cluster makes network namespaces, mounts and cgroups"; }

# wait_for SECONDS WHAT CMD...
wait_for() {
  local seconds=$1 what=$2 i
  shift 2
  for ((i = 0; i < seconds * 5; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.2
  done
  die "timed out after ${seconds}s: $what (logs: $SABOT_STATE/log)"
}
