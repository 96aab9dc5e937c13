# shellcheck shell=bash
# The whole cluster: up, down, and around one command.

# Directories that a node mounts its own disk over; those that were not there are removed again.
MOUNT_POINTS="/var/lib/containerd /var/lib/kubelet /var/lib/cni /etc/cni /etc/cni/net.d /opt/cni /opt/cni/bin /tmp/hostpath_pv"

cluster_up() {
  local nodes=1 pids=() i began dir
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes) nodes=${2:-}; shift ;;
      *) die "up: unknown argument '$1'" ;;
    esac
    shift
  done
  [[ "$nodes" =~ ^[123]$ ]] || die "--nodes is 1, 2 or 3, not '$nodes'"
  need_root
  [ -d /sys/fs/cgroup/cpuset ] || die "the test cluster needs cgroup v1 hierarchies, this machine has none; set KUBECONFIG to use another cluster"
  [ -x "$BIN/hyperkube" ] || tools_build
  began=$(date +%s.%N)
  mkdir -p "$SABOT_STATE"/{log,volumes,etcd,images} "$SABOT_RUN"
  chmod 700 "$SABOT_STATE/etcd"
  for dir in $MOUNT_POINTS; do
    [ -d "$dir" ] || { mkdir "$dir"; echo "$dir" >>"$SABOT_STATE/made-directories"; }
  done
  echo "${RUN_OWNER:-hand}" >"$SABOT_RUN/owner"
  pki_make
  control_plane_start
  for ((i = 1; i <= nodes; i++)); do
    node_up "n$i" &
    pids+=($!)
  done
  control_plane_finish
  for i in "${pids[@]}"; do wait "$i" || die "a node did not start"; done
  for ((i = 1; i <= nodes; i++)); do
    wait_for 60 "node n$i" kubectl_ get node "n$i"
    kubectl_ wait --for=condition=Ready "node/n$i" --timeout=60s >/dev/null
  done
  wait_for 30 "default service account" kubectl_ get serviceaccount default
  log "the cluster is up with $nodes node(s) after $(seconds_since "$began") s"
}

# Leaves no process, namespace, mount or cgroup; with --purge no file either. Works from what is
# there, not from what ought to be, so that it also cleans up after a run that was killed.
cluster_down() {
  local node dir
  need_root
  # the command of a killed run first: it would see its cluster vanish
  cgroup_kill "$CGROUP/run"
  for node in n1 n2 n3 cp; do machine_down "$node"; done
  cgroup_kill "$CGROUP"
  cgroup_drop "$CGROUP"
  rm -rf "$SABOT_RUN"
  [ "${1:-}" = --purge ] || return 0
  if [ -f "$SABOT_STATE/made-directories" ]; then
    while read -r dir; do rmdir "$dir" 2>/dev/null || true; done < <(tac "$SABOT_STATE/made-directories")
  fi
  rm -rf --one-file-system "$SABOT_STATE"
}

cluster_status() {
  local file name pid
  [ -d "$SABOT_RUN" ] || { echo "the cluster is down"; return 0; }
  for file in "$SABOT_RUN"/*.pid; do
    [ -e "$file" ] || continue
    name=$(basename "$file" .pid)
    pid=$(pid_of "$name")
    if [ -n "$pid" ]; then
      echo "$name running pid=$pid memory=$(awk '/VmRSS/ { printf "%d MB", $2 / 1024 }' "/proc/$pid/status")"
    else
      echo "$name dead"
    fi
  done
}

# What a test needs to know of the cluster, as shell exports.
cluster_env() {
  cat <<E
export KUBECONFIG=$ADMIN_KUBECONFIG
export SABOT_E2E_S3_ENDPOINT=$(s3_endpoint)
export SABOT_E2E_S3_ACCESS_KEY=$S3_ACCESS_KEY
export SABOT_E2E_S3_SECRET_KEY=$S3_SECRET_KEY
export SABOT_E2E_KAFKA=$CP_IP:$KAFKA_PORT
export SABOT_E2E_PROMETHEUS=http://$CP_IP:$PROMETHEUS_PORT
export SABOT_E2E_RUNTIME_IMAGE=$RUNTIME_IMAGE
export SABOT_E2E_CONTROLLER_IMAGE=$CONTROLLER_IMAGE
export SABOT_E2E_CLUSTER=$CLUSTER_DIR/cluster
export SABOT_E2E_HELM=$BIN/helm
export SABOT_E2E_KUBECTL=$BIN/kubectl
E
}

# enter CMD...: runs CMD in the cluster's network, with its settings, in the caller's files and
# working directory.
cluster_enter() {
  running cp.holder || die "the cluster is not up"
  eval "$(cluster_env)"
  unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
  exec nsenter --net=/run/netns/sabot-cp -- "$@"
}

# run [--nodes N] -- CMD...: the cluster with all services around CMD. A cluster that somebody
# brought up by hand is used as it is and left up; otherwise nothing is left when this ends.
cluster_run() {
  local nodes=1 keep=0 status=0
  while [ $# -gt 0 ]; do
    case $1 in
      --nodes) nodes=${2:-}; shift 2 ;;
      --) shift; break ;;
      *) die "run: unknown argument '$1'" ;;
    esac
  done
  [ $# -gt 0 ] || die "run: which command?"
  need_root
  if running cp.holder && [ "$(cat "$SABOT_RUN/owner")" = hand ]; then
    log "using the cluster that is up already; it is left up"
    keep=1
  else
    [ ! -d "$SABOT_RUN" ] || log "cleaning up after a run that was killed"
    cluster_down --purge
    RUN_OWNER=run
  fi
  [ "$keep" = 1 ] || trap 'cluster_down --purge' EXIT
  trap 'run_interrupted INT' INT
  trap 'run_interrupted TERM' TERM
  trap 'run_interrupted HUP' HUP
  cluster_up --nodes "$nodes"
  s3_up
  kafka_up
  prometheus_up
  images_make
  cgroup_make "$CGROUP/run"
  (
    lock_forget
    cgroup_enter "$CGROUP/run"
    cluster_enter "$@"
  ) &
  RUN_PID=$!
  wait "$RUN_PID" || status=$?
  [ "$status" = 0 ] || keep_evidence
  cgroup_kill "$CGROUP/run"
  cgroup_drop "$CGROUP/run"
  return "$status"
}

# What a failed run leaves for its reader, outside the cluster: logs, pods, events.
keep_evidence() {
  local to=$SABOT_CACHE/e2e-failure node
  rm -rf "$to"
  mkdir -p "$to"
  kubectl_ get all -A -o wide >"$to/objects.txt" 2>&1 || true
  kubectl_ get streamjobs,streamsavepoints -A -o yaml >"$to/streamjobs.yaml" 2>&1 || true
  kubectl_ get events -A --sort-by=.lastTimestamp >"$to/events.txt" 2>&1 || true
  cp -r "$SABOT_STATE/log" "$to/cluster" || true
  for node in $(nodes_up); do cp -rL "$SABOT_STATE/$node/log/pods" "$to/pods-$node" 2>/dev/null || true; done
  log "the logs of the failed run are in $to"
}

RUN_PID=""
run_interrupted() {
  log "interrupted"
  if [ -n "$RUN_PID" ]; then
    kill -TERM "$RUN_PID" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$RUN_PID" 2>/dev/null || break; sleep 0.1; done
  fi
  cgroup_kill "$CGROUP/run"
  exit 130
}
