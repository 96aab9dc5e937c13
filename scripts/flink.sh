# shellcheck shell=bash
# Sourced by what runs Flink beside Sabot: builds tests/flink and says how to start its classes.
#
# Maven fetches Flink 2.2 into its own repository; classes go below the build cache.

FLINK_BUILD=$CARGO_TARGET_DIR/flink

# Builds the project, without a look at the network when everything is there.
build_flink() {
  local began=$SECONDS maven=(mvn -q -B -f tests/flink/pom.xml "-Dsabot.build=$FLINK_BUILD")
  command -v javac >/dev/null && command -v mvn >/dev/null ||
    { echo "a JDK 17 and Maven are needed: scripts/setup installs them" >&2; return 1; }
  mkdir -p "$FLINK_BUILD"
  if ! "${maven[@]}" -o process-classes >"$FLINK_BUILD/log" 2>&1; then
    echo "building tests/flink (the first time Maven fetches Flink 2.2, 200 MB)"
    "${maven[@]}" process-classes >"$FLINK_BUILD/log" 2>&1 || { cat "$FLINK_BUILD/log" >&2; return 1; }
  fi
  FLINK_CLASSPATH=$FLINK_BUILD/classes:$(cat "$FLINK_BUILD/classpath")
  echo "tests/flink is built, $((SECONDS - began)) s"
}

# flink_java WORK HEAP CLASS ARGUMENTS...: replaces the shell by Java. What it extracts goes below
# WORK, and Sabot's RocksDB is not in its way.
flink_java() {
  local work=$1 heap=$2 package
  local opens=()
  shift 2
  for package in util lang util.concurrent time nio; do
    opens+=(--add-opens "java.base/java.$package=ALL-UNNAMED")
  done
  mkdir -p "$work/tmp"
  unset LD_LIBRARY_PATH
  exec java "-Xmx$heap" "-Djava.io.tmpdir=$work/tmp" -Duser.timezone=UTC "${opens[@]}" -cp "$FLINK_CLASSPATH" \
    "dev.sabot.flink.$1" "${@:2}"
}
