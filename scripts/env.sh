# shellcheck shell=bash
# Sourced before every build: where its results go and how RocksDB is found.
#
# Results lie outside the clone, so that a second clone compiles no dependency again. With the
# prebuilt RocksDB (scripts/setup fetches it) the bundled source is not compiled.

export SABOT_CACHE=${SABOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sabot}
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$SABOT_CACHE/target}
export GOCACHE=${GOCACHE:-$SABOT_CACHE/gocache}

# Tests know the clone that they were compiled in: another clone compiles them again.
sabot_clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sabot_stamp=$CARGO_TARGET_DIR/sabot-clone
if [ "$(cat "$sabot_stamp" 2>/dev/null)" != "$sabot_clone" ]; then
  mkdir -p "$CARGO_TARGET_DIR"
  rm -rf "$CARGO_TARGET_DIR"/debug/.fingerprint/sabot-*
  echo "$sabot_clone" >"$sabot_stamp"
fi
unset sabot_clone sabot_stamp

sabot_rocksdb=$SABOT_CACHE/tools/rocksdb
if [ -f "$sabot_rocksdb/librocksdb.so" ]; then
  export ROCKSDB_LIB_DIR=$sabot_rocksdb
  case ":${LD_LIBRARY_PATH:-}:" in
    *":$sabot_rocksdb:"*) ;;
    *) export LD_LIBRARY_PATH=$sabot_rocksdb${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} ;;
  esac
fi
unset sabot_rocksdb
