# shellcheck shell=bash
# Images of Sabot without a registry or a daemon: the binaries of a cargo build, the shared
# libraries that they load, a user without rights, and nothing else.

RUNTIME_IMAGE=sabot.local/runtime:$IMAGE_TAG
CONTROLLER_IMAGE=sabot.local/controller:$IMAGE_TAG
IMAGE_USER=65532

# libraries_of BINARY: the files that it loads, "/path" a line.
libraries_of() {
  local missing
  missing=$(ldd "$1" | awk '/not found/ { print $1 }')
  [ -z "$missing" ] || die "$1 needs $missing, which is not installed (is LD_LIBRARY_PATH set? see scripts/env.sh)"
  ldd "$1" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | sort -u
}

# image_write NAME REF BINARY...: writes SABOT_STATE/images/NAME.tar; the first binary is the entry.
image_write() {
  local name=$1 ref=$2 binary library work args=()
  shift 2
  work=$SABOT_STATE/images/$name.work
  mkdir -p "$work"
  echo "sabot:x:$IMAGE_USER:$IMAGE_USER:sabot:/:/sbin/nologin" >"$work/passwd"
  echo "sabot:x:$IMAGE_USER:" >"$work/group"
  args=(--layer --dir /tmp:1777 --dir /var/tmp:1777 --add "$work/passwd:/etc/passwd:644" --add "$work/group:/etc/group:644")
  # TLS clients refuse to start without a certificate store.
  args+=(--add "/etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:644")
  for library in $(for binary in "$@"; do libraries_of "$binary"; done | sort -u); do
    case $(basename "$library") in
      ld-linux*) args+=(--add "$(readlink -f "$library"):/lib64/$(basename "$library"):755") ;;
      *) args+=(--add "$(readlink -f "$library"):/lib/x86_64-linux-gnu/$(basename "$library"):755") ;;
    esac
  done
  args+=(--layer)
  for binary in "$@"; do
    strip --strip-debug -o "$work/$(basename "$binary")" "$binary"
    args+=(--add "$work/$(basename "$binary"):/usr/local/bin/$(basename "$binary"):755")
  done
  python3 "$CLUSTER_DIR/mkimage.py" "$SABOT_STATE/images/$name.tar" "$ref" "${args[@]}" \
    --user "$IMAGE_USER:$IMAGE_USER" --entrypoint "/usr/local/bin/$(basename "$1")"
  rm -rf "$work"
}

# images_make [--tag TAG] [DIR]: both images from DIR/sabot and DIR/sabot-controller (or the one
# that is there), loaded on every node that is up.
images_make() {
  local dir="" name binary ref node began
  while [ $# -gt 0 ]; do
    case $1 in
      --tag) IMAGE_TAG=${2:?--tag needs a value}; shift ;;
      *) dir=$1 ;;
    esac
    shift
  done
  dir=${dir:-${CARGO_TARGET_DIR:-$SABOT_CACHE/target}/debug}
  mkdir -p "$SABOT_STATE/images"
  for name in runtime controller; do
    binary=$dir/sabot
    [ "$name" = controller ] && binary=$dir/sabot-controller
    [ -x "$binary" ] || { log "no $binary: the $name image is not made"; continue; }
    began=$(date +%s.%N)
    ref=sabot.local/$name:$IMAGE_TAG
    image_write "$name-$IMAGE_TAG" "$ref" "$binary"
    for node in $(nodes_up); do import "$node" "$SABOT_STATE/images/$name-$IMAGE_TAG.tar"; done
    log "image $ref: $(($(stat -c %s "$SABOT_STATE/images/$name-$IMAGE_TAG.tar") / 1000000)) MB in $(seconds_since "$began") s"
  done
}

# image_load ARCHIVE...: any image archive, on every node that is up.
image_load() {
  local archive node
  mkdir -p "$SABOT_STATE/images"
  for archive in "$@"; do
    cp "$archive" "$SABOT_STATE/images/"
    for node in $(nodes_up); do import "$node" "$SABOT_STATE/images/$(basename "$archive")"; done
  done
}
