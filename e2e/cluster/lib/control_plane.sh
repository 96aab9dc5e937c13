# shellcheck shell=bash
# The control plane: etcd, apiserver, controller-manager, scheduler and DNS in machine cp.

kubectl_() { in_machine cp "$BIN/kubectl" --kubeconfig "$ADMIN_KUBECONFIG" "$@"; }

control_plane_network() {
  in_machine cp ip link show br0 >/dev/null 2>&1 && return 0
  in_machine cp ip link add br0 type bridge
  in_machine cp ip addr add "$CP_IP/24" dev br0
  in_machine cp ip link set br0 up
  in_machine cp sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
    [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables'
  in_machine cp mount --bind "$SABOT_STATE/volumes" /tmp/hostpath_pv
}

# All that needs no apiserver.
control_plane_start() {
  machine_up cp
  control_plane_network
  start cp etcd "$BIN/etcd" --name cp --data-dir "$SABOT_STATE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster cp=http://127.0.0.1:2380
  start cp kube-apiserver "$BIN/kube-apiserver" --advertise-address="$CP_IP" --bind-address=0.0.0.0 --secure-port=6443 \
    --etcd-servers=http://127.0.0.1:2379 --service-cluster-ip-range="$SERVICE_CIDR" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --client-ca-file="$PKI/ca.crt" --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
    --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-client-certificate="$PKI/apiserver-kubelet-client.crt" \
    --kubelet-client-key="$PKI/apiserver-kubelet-client.key" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$PKI/service-accounts.pub" --service-account-signing-key-file="$PKI/service-accounts.key" \
    --default-not-ready-toleration-seconds=10 --default-unreachable-toleration-seconds=10 \
    --endpoint-reconciler-type=lease --v=1
}

# The rest; the controller-manager gives up when the apiserver is not there within 10 s.
control_plane_finish() {
  local config
  wait_for 60 "apiserver" kubectl_ get --raw /readyz
  config=$PKI/controller-manager.kubeconfig
  start cp kube-controller-manager "$BIN/kube-controller-manager" --kubeconfig="$config" \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" \
    --service-account-private-key-file="$PKI/service-accounts.key" --root-ca-file="$PKI/ca.crt" \
    --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
    --use-service-account-credentials=true --leader-elect=false --enable-hostpath-provisioner=true \
    --node-monitor-period=2s --node-monitor-grace-period=16s --cluster-cidr="$POD_CIDR" --allocate-node-cidrs=false --v=1
  config=$PKI/scheduler.kubeconfig
  start cp kube-scheduler "$BIN/kube-scheduler" --kubeconfig="$config" \
    --authentication-kubeconfig="$config" --authorization-kubeconfig="$config" --leader-elect=false --v=1
  kubectl_ apply -f - <"$CLUSTER_DIR/manifests/base.yaml" >/dev/null
  cat >"$SABOT_STATE/Corefile" <<C
cluster.local:53 in-addr.arpa:53 {
  bind $CP_IP
  errors
  ready $CP_IP:8181
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $PKI/coredns.kubeconfig
    ttl 2
  }
}
C
  start cp coredns "$BIN/coredns" -conf "$SABOT_STATE/Corefile"
}
