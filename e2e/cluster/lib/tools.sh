# shellcheck shell=bash
# What the cluster runs, made once and kept in the cache.
#
# From the Go module proxy: hyperkube (apiserver, controller-manager, scheduler, kubelet,
# kube-proxy, kubectl, etcd in one binary), coredns, helm, versitygw (S3), prometheus. From Maven
# Central: a Kafka broker. From Debian: containerd, runc, CNI plugins, iptables, nftables.
# Each tool has a key of everything that it is made from; a changed key makes it again.

KUBERNETES=v1.34.4 HELM=v3.19.5 VERSITYGW=v1.8.0 PROMETHEUS=v0.316.0 KAFKA=3.9.1
DEBIAN_PACKAGES="containerd runc containernetworking-plugins iptables nftables conntrack busybox-static iproute2 procps util-linux openssl ca-certificates"
KAFKA_LIBS=$TOOLS/kafka-$KAFKA
IMAGES=$TOOLS/images

key_of() { { printf '%s\n' "$@"; } | sha256sum | cut -c1-16; }
fresh() { [ -e "$1" ] && [ "$(cat "$2" 2>/dev/null)" = "$3" ]; }

# make_tool NAME KEY CMD...: runs CMD, which writes BIN/NAME, unless that key is there already.
make_tool() {
  local name=$1 key=$2 began=$SECONDS
  shift 2
  fresh "$BIN/$name" "$BIN/.$name.key" "$key" && return 0
  log "building $name"
  (cd "$CLUSTER_DIR/tools" && unlocked nice -n 5 "$@") || die "$name does not build"
  echo "$key" >"$BIN/.$name.key"
  log "built $name in $((SECONDS - began)) s, $(($(stat -c %s "$BIN/$name") / 1000000)) MB"
}

sources_key() { cat "$CLUSTER_DIR"/tools/go.mod "$CLUSTER_DIR"/tools/go.sum "$CLUSTER_DIR/tools/$1"/*.go 2>/dev/null | sha256sum; }

# tool_here NAME PACKAGE LDFLAGS: a package under the versions of tools/go.mod.
tool_here() {
  make_tool "$1" "$(key_of "$(sources_key "$2")" "$2" "$3" "$(go env GOVERSION)")" \
    go build -trimpath -ldflags "-s -w $3" -o "$BIN/$1" "$2"
}

# tool_at NAME PACKAGE VERSION TAGS: a package with its own module's versions.
tool_at() {
  make_tool "$1" "$(key_of "$2" "$3" "$4" "$(go env GOVERSION)")" \
    env GOFLAGS= GOBIN="$BIN" go install -buildvcs=false -trimpath -ldflags "-s -w" -tags "$4" "$2@$3"
}

need_go() {
  command -v go >/dev/null || die "the cluster's tools are built with Go 1.24 or later, which is not installed (https://go.dev/dl)"
  export CGO_ENABLED=0 GOCACHE=${GOCACHE:-$SABOT_CACHE/gocache} GOFLAGS=-mod=readonly
}

debian_packages() {
  # shellcheck disable=SC2086
  dpkg -s $DEBIAN_PACKAGES >/dev/null 2>&1 && return 0
  log "installing Debian packages: $DEBIAN_PACKAGES"
  apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $DEBIAN_PACKAGES >/dev/null
}

kafka_libs() {
  local began=$SECONDS
  compgen -G "$KAFKA_LIBS/kafka_2.13-*.jar" >/dev/null && return 0
  command -v mvn >/dev/null || die "the Kafka broker comes from Maven Central, but mvn is not installed (run scripts/setup)"
  mkdir -p "$TOOLS"
  unlocked mvn -q -B -f "$CLUSTER_DIR/kafka/pom.xml" -Dkafka.version="$KAFKA" \
    org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
    -DoutputDirectory="$KAFKA_LIBS.part" -DincludeScope=runtime
  mv "$KAFKA_LIBS.part" "$KAFKA_LIBS"
  log "fetched Kafka $KAFKA in $((SECONDS - began)) s"
}

# The two images that the cluster itself needs: a pod's sandbox, and a shell for tests.
base_images() {
  local key applet links=()
  key=$(key_of "$(cat "$CLUSTER_DIR/mkimage.py" "$CLUSTER_DIR/images/pause.c" /bin/busybox | sha256sum)")
  fresh "$IMAGES/busybox.tar" "$IMAGES/.key" "$key" && return 0
  mkdir -p "$IMAGES"
  gcc -Os -static -s -o "$IMAGES/pause" "$CLUSTER_DIR/images/pause.c"
  python3 "$CLUSTER_DIR/mkimage.py" "$IMAGES/pause.tar" sabot.local/pause:1 \
    --layer --add "$IMAGES/pause:/pause" --entrypoint /pause
  # busybox lists itself, which would be a link to itself
  for applet in $(busybox --list | grep -vx busybox); do links+=(--link "/bin/$applet=busybox"); done
  python3 "$CLUSTER_DIR/mkimage.py" "$IMAGES/busybox.tar" sabot.local/busybox:1 \
    --layer --add /bin/busybox:/bin/busybox "${links[@]}" --dir /tmp:1777 --dir /etc --entrypoint /bin/sh
  echo "$key" >"$IMAGES/.key"
}

# Downloads only: network time that can pass while something else has the processors.
tools_fetch() {
  need_go
  (cd "$CLUSTER_DIR/tools" && unlocked go mod download)
  kafka_libs
}

tools_build() {
  local version=k8s.io/component-base/version minor=${KUBERNETES#v1.} kubernetes helm component
  minor=${minor%%.*}
  mkdir -p "$BIN"
  exec {TOOLS_FD}<>"$TOOLS/.lock"
  flock -n "$TOOLS_FD" || { log "another build of the cluster's tools is running; waiting"; flock "$TOOLS_FD"; }
  debian_packages
  need_go
  kubernetes="-X $version.gitVersion=$KUBERNETES -X $version.gitMajor=1 -X $version.gitMinor=$minor -X $version.gitCommit=sabot -X $version.buildDate=1970-01-01T00:00:00Z"
  helm="-X helm.sh/helm/v3/internal/version.version=$HELM -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=$minor"
  tool_here hyperkube ./hyperkube "$kubernetes"
  tool_here coredns ./coredns ""
  tool_here helm helm.sh/helm/v3/cmd/helm "$kubernetes $helm"
  tool_at versitygw github.com/versity/versitygw/cmd/versitygw "$VERSITYGW" ""
  tool_at prometheus github.com/prometheus/prometheus/cmd/prometheus "$PROMETHEUS" remove_all_sd,enable_kubernetes_sd
  for component in etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
    ln -sf hyperkube "$BIN/$component"
  done
  kafka_libs
  base_images
  exec {TOOLS_FD}>&-
}
