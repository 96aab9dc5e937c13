# shellcheck shell=bash
# One user of the cluster at a time.
#
# The lock is a flock on LOCK_FILE, so the kernel releases it when its holder dies, however it
# dies. No child inherits the descriptor (LOCK_FD is closed for every command that is started),
# or a daemon of the cluster would go on holding it.

LOCK_FD=""

# lock_take WHAT: waits for the lock and says who holds it.
lock_take() {
  [ "${SABOT_LOCK_HELD:-}" = 1 ] && return 0
  mkdir -p "$(dirname "$LOCK_FILE")"
  exec {LOCK_FD}<>"$LOCK_FILE"
  if ! flock -n "$LOCK_FD"; then
    log "the test cluster is in use by $(cat "$LOCK_FILE" 2>/dev/null || echo somebody); waiting"
    flock "$LOCK_FD"
    log "the test cluster is free"
  fi
  printf '%s (pid %s, user %s, since %s, in %s)\n' "$1" "$$" "$(id -un)" "$(date +%H:%M:%S)" "$PWD" >"$LOCK_FILE"
  export SABOT_LOCK_HELD=1
}

lock_release() {
  [ -n "$LOCK_FD" ] || return 0
  : >"$LOCK_FILE"
  exec {LOCK_FD}>&-
  LOCK_FD=""
  unset SABOT_LOCK_HELD
}

# lock_forget: closes this (sub)shell's copy of the lock, before it becomes something that lives longer.
lock_forget() {
  [ -z "$LOCK_FD" ] || exec {LOCK_FD}>&-
  LOCK_FD=""
}

# unlocked CMD...: runs CMD without the lock's descriptor.
unlocked() { (lock_forget; exec "$@"); }
