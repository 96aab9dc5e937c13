# shellcheck shell=bash
# A Kubernetes node: machine n1, n2 or n3 with containerd, kubelet and kube-proxy.

node_ip() { echo "10.99.0.$((10 + ${1#n}))"; }
node_pods() { echo "10.244.${1#n}.0/24"; }
nodes_up() { local f; for f in "$SABOT_RUN"/n?.holder.pid; do [ -e "$f" ] && basename "$f" .holder.pid; done; return 0; }
node_check() { [[ "${1:-}" =~ ^n[123]$ ]] || die "a node is n1, n2 or n3, not '${1:-}'"; }

node_up() {
  local node=$1
  node_check "$node"
  running cp.holder || die "the control plane is not up"
  machine_up "$node"
  node_network "$node"
  node_files "$node"
  node_mounts "$node"
  cgroup_make "$CGROUP/$node/sys"
  start "$node" containerd containerd --config "$SABOT_STATE/$node/containerd.toml"
  wait_for 15 "containerd of $node" in_machine "$node" ctr version
  import "$node" "$IMAGES"/*.tar "$SABOT_STATE"/images/*.tar
  kubelet_up "$node"
  start "$node" kube-proxy "$BIN/kube-proxy" --kubeconfig="$PKI/proxy.kubeconfig" --hostname-override="$node" \
    --proxy-mode=nftables --cluster-cidr="$POD_CIDR" --bind-address="$(node_ip "$node")" \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 \
    --oom-score-adj=0 --v=2
}

# A power cut: the disk stays, everything else is gone at once.
node_down() {
  node_check "$1"
  machine_down "$1"
}

kubelet_up() {
  start "$1" kubelet "$BIN/kubelet" --config="$SABOT_STATE/$1/kubelet.yaml" --kubeconfig="$PKI/$1.kubeconfig" \
    --hostname-override="$1" --node-ip="$(node_ip "$1")" --root-dir=/var/lib/kubelet --runtime-cgroups="/$CGROUP/$1/sys" --v=2
}

# import NODE ARCHIVE...: loads the images that this node does not have yet.
import() {
  local node=$1 archive loaded=$SABOT_STATE/$1/loaded
  shift
  mkdir -p "$loaded"
  for archive in "$@"; do
    [ -e "$archive" ] || continue
    [ "$loaded/$(basename "$archive")" -nt "$archive" ] && continue
    in_machine "$node" ctr -n k8s.io images import "$archive" >/dev/null
    touch "$loaded/$(basename "$archive")"
  done
}

# One end in the control plane's bridge, the other is the node's eth0; the machine's own network
# namespace is not touched. (`ip -n` from outside: a machine does not see later entries of /run/netns.)
node_network() {
  local node=$1
  ip -n "sabot-$node" link show eth0 >/dev/null 2>&1 && return 0
  ip -n sabot-cp link del "v-$node" 2>/dev/null || true
  ip -n sabot-cp link add "v-$node" type veth peer name eth0 netns "sabot-$node"
  ip -n sabot-cp link set "v-$node" master br0 up
  ip -n "sabot-$node" addr add "$(node_ip "$node")/24" dev eth0
  ip -n "sabot-$node" link set eth0 up
  ip -n "sabot-$node" route add default via "$CP_IP"
  ip -n sabot-cp route replace "$(node_pods "$node")" via "$(node_ip "$node")"
  in_machine "$node" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
    [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables'
}

node_files() {
  local node=$1 disk=$SABOT_STATE/$1
  mkdir -p "$disk"/{containerd,kubelet,cni,log,etc-cni,sysctl}
  cat >"$disk/etc-cni/10-sabot.conflist" <<J
{"cniVersion": "1.0.0", "name": "sabot", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$(node_pods "$node")"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
J
  # restrict_oom_score_adj: in a container or a small VM nobody may lower an OOM score
  cat >"$disk/containerd.toml" <<T
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "sabot.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
T
  : >"$disk/resolv.conf"
  cat >"$disk/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_ip "$node")
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/$node.crt
tlsPrivateKeyFile: $PKI/$node.key
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP/$node
kubeletCgroups: /$CGROUP/$node/sys
failCgroupV1: false
failSwapOn: false
clusterDNS: [$CP_IP]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
resolvConf: $disk/resolv.conf
serializeImagePulls: false
nodeStatusUpdateFrequency: 4s
nodeLeaseDurationSeconds: 12
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 200Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%, imagefs.inodesFree: 1%}
oomScoreAdj: 0
maxOpenFiles: 20000
featureGates: {KubeletCrashLoopBackOffMax: true}
crashLoopBackOff: {maxContainerRestartPeriod: 2s}
shutdownGracePeriod: 0s
Y
}

# Each node has its own /run, disks and logs. What the kubelet would write into the kernel of the
# whole machine it finds already written, in files that only it sees.
node_mounts() {
  local node=$1 disk=$SABOT_STATE/$1
  echo 1 >"$disk/sysctl/overcommit_memory"
  echo 10 >"$disk/sysctl/panic"
  echo 1 >"$disk/sysctl/panic_on_oops"
  # shellcheck disable=SC2016
  in_machine "$node" bash -ec '
    disk=$1 volumes=$2
    mountpoint -q /var/lib/kubelet && exit 0
    mount -t tmpfs tmpfs /run
    mkdir -p /run/netns /run/containerd
    mount --bind "$disk/containerd" /var/lib/containerd
    mount --bind "$disk/kubelet" /var/lib/kubelet
    mount --make-rshared /var/lib/kubelet
    mount --bind "$disk/cni" /var/lib/cni
    mount --bind "$disk/etc-cni" /etc/cni/net.d
    mount --bind "$disk/log" /var/log
    mount --bind "$volumes" /tmp/hostpath_pv
    mount --bind "$disk/sysctl/overcommit_memory" /proc/sys/vm/overcommit_memory
    mount --bind "$disk/sysctl/panic" /proc/sys/kernel/panic
    mount --bind "$disk/sysctl/panic_on_oops" /proc/sys/kernel/panic_on_oops' _ "$disk" "$SABOT_STATE/volumes"
}
