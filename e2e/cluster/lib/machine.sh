# shellcheck shell=bash
# A "machine" (cp, n1, n2): namespaces held by one process, with daemons inside.
#
# Killing the holder is a power cut: the kernel kills everything in its pid namespace and drops
# its mounts; the machine's disk under SABOT_STATE stays. Every process is also in a cgroup under
# CGROUP, by which processes of a run whose pid files are gone are still found.

CGROUP_HIERARCHIES="cpu cpuacct cpuset memory devices freezer blkio pids systemd"

# start_time PID: when that process began, in clock ticks since boot (empty when it is not there).
# A process is known by both numbers: a pid alone may have been given to somebody else since.
start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  stat=${stat##*) }                     # the name may hold spaces; state is field 3
  # shellcheck disable=SC2086
  set -- $stat
  [ "$1" = Z ] || echo "${20}"
}

record_pid() { echo "$2 $(start_time "$2")" >"$SABOT_RUN/$1.pid"; }

# pid_of NAME: the pid recorded as NAME, if that very process still runs.
pid_of() {
  local pid began
  read -r pid began 2>/dev/null <"$SABOT_RUN/$1.pid" || return 0
  [ -n "$began" ] && [ "$(start_time "$pid")" = "$began" ] && echo "$pid"
  return 0
}

running() { [ -n "$(pid_of "$1")" ]; }

child_of() { ps -o pid= --ppid "$1" 2>/dev/null | tr -d ' ' || true; }

# in_machine NAME CMD...: runs CMD inside; its working directory is /.
in_machine() {
  local name=$1 holder
  shift
  holder=$(pid_of "$name.holder")
  [ -n "$holder" ] || { log "machine $name is not up"; return 1; }
  nsenter -t "$holder" -m -n -p -u -i -- "$@"
}

machine_up() {
  local name=$1 outer holder="" i
  running "$name.holder" && return 0
  machine_down "$name"                  # what a killed run left of it
  ip netns add "sabot-$name"
  cgroup_make "$CGROUP/$name/hold"
  # SIGCHLD ignored, and inherited over exec: pid 1 reaps orphans without any code.
  (
    lock_forget
    cgroup_enter "$CGROUP/$name/hold"
    exec setsid nsenter --net="/run/netns/sabot-$name" -- \
      unshare --mount --uts --ipc --pid --fork --mount-proc --propagation private --kill-child \
      perl -e '$SIG{CHLD} = "IGNORE"; exec "/bin/sleep", "infinity"'
  ) </dev/null >/dev/null 2>&1 &
  outer=$!
  disown "$outer"                       # or bash reports its end
  for ((i = 0; i < 100; i++)); do
    holder=$(child_of "$outer")
    # The child is ready once it has become sleep: its /proc is mounted by then.
    [ -n "$holder" ] && [ "$(cat "/proc/$holder/comm" 2>/dev/null)" = sleep ] && break
    sleep 0.05
  done
  [ -n "$holder" ] || die "machine $name does not start"
  record_pid "$name.holder" "$holder"
  in_machine "$name" hostname "$name"
  in_machine "$name" ip link set lo up
}

# machine_down NAME: the power cut. Also takes what a lost pid file no longer names.
machine_down() {
  local name=$1 holder
  holder=$(pid_of "$name.holder")
  [ -z "$holder" ] || kill -9 "$holder" 2>/dev/null || true
  cgroup_kill "$CGROUP/$name"
  rm -f "$SABOT_RUN/$name".*.pid
  [ ! -e "/run/netns/sabot-$name" ] || ip netns del "sabot-$name" || true
  cgroup_drop "$CGROUP/$name"
}

# start NAME UNIT CMD...: runs CMD inside machine NAME as a daemon; its log is NAME.UNIT.log.
start() {
  local name=$1 unit=$2 outer inner="" i
  shift 2
  running "$name.$unit" && return 0
  cgroup_make "$CGROUP/$name/sys"
  (
    lock_forget
    cgroup_enter "$CGROUP/$name/sys"
    exec setsid nsenter -t "$(pid_of "$name.holder")" -m -n -p -u -i -- "$@"
  ) </dev/null >>"$SABOT_STATE/log/$name.$unit.log" 2>&1 &
  outer=$!
  disown "$outer"                       # or bash reports its end
  for ((i = 0; i < 100; i++)); do
    inner=$(child_of "$outer")
    [ -n "$inner" ] && break
    sleep 0.02
  done
  [ -n "$inner" ] || die "$unit of machine $name does not start (log: $SABOT_STATE/log/$name.$unit.log)"
  record_pid "$name.$unit" "$inner"     # the daemon itself, not nsenter
}

# stop NAME.UNIT [SIGNAL]: and waits until it is gone.
stop() {
  local unit=$1 pid i
  pid=$(pid_of "$unit")
  [ -z "$pid" ] || kill "-${2:-TERM}" "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    running "$unit" || break
    sleep 0.1
  done
  pid=$(pid_of "$unit")
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
  rm -f "$SABOT_RUN/$unit.pid"
}

# cgroup_make PATH: the same path in every hierarchy; the kubelet insists on that.
cgroup_make() {
  local hierarchy part path
  for hierarchy in $CGROUP_HIERARCHIES; do
    mkdir -p "/sys/fs/cgroup/$hierarchy/$1"
  done
  path=""
  for part in ${1//\// }; do            # a fresh cpuset is empty and refuses processes
    path=$path/$part
    cat /sys/fs/cgroup/cpuset/cpuset.cpus >"/sys/fs/cgroup/cpuset$path/cpuset.cpus"
    cat /sys/fs/cgroup/cpuset/cpuset.mems >"/sys/fs/cgroup/cpuset$path/cpuset.mems"
  done
}

# cgroup_enter PATH: this very process goes there, in every hierarchy.
cgroup_enter() {
  local hierarchy
  for hierarchy in $CGROUP_HIERARCHIES; do
    echo "$BASHPID" >"/sys/fs/cgroup/$hierarchy/$1/cgroup.procs"
  done
}

cgroup_procs() { find "/sys/fs/cgroup/pids/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true; }

# cgroup_kill PATH: kills what is in it and waits until it is empty.
cgroup_kill() {
  local pid i
  for ((i = 0; i < 100; i++)); do
    [ -n "$(cgroup_procs "$1")" ] || return 0
    for pid in $(cgroup_procs "$1"); do kill -9 "$pid" 2>/dev/null || true; done
    sleep 0.05
  done
  log "processes of $1 do not go away: $(cgroup_procs "$1" | tr '\n' ' ')"
}

cgroup_drop() {
  local hierarchy dir i
  for ((i = 0; i < 20; i++)); do
    for hierarchy in $CGROUP_HIERARCHIES unified; do
      dir=/sys/fs/cgroup/$hierarchy/$1
      [ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    compgen -G "/sys/fs/cgroup/*/$1" >/dev/null || return 0
    sleep 0.1
  done
  return 0
}
