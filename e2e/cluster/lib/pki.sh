# shellcheck shell=bash
# Certificates, keys and kubeconfigs of the cluster (elliptic curves: the whole set takes a second).

pki_make() {
  [ -f "$PKI/.done" ] && return 0
  mkdir -p "$PKI"
  (cd "$PKI" && pki_write) || die "the cluster's certificates cannot be made"
}

pki_write() {
  local node
  new_key ca
  openssl req -x509 -new -key ca.key -subj /CN=sabot-e2e-ca -days 3650 -out ca.crt
  certificate apiserver /CN=kube-apiserver \
    "IP:$CP_IP,IP:127.0.0.1,IP:${SERVICE_CIDR%.*.*}.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate admin /O=system:masters/CN=admin
  kubeconfig admin "$ADMIN_KUBECONFIG"
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate proxy /CN=system:kube-proxy
  certificate coredns /CN=sabot-e2e:coredns
  for node in n1 n2 n3; do
    certificate "$node" "/O=system:nodes/CN=system:node:$node" "DNS:$node,IP:$(node_ip "$node")"
  done
  for node in controller-manager scheduler proxy coredns n1 n2 n3; do
    kubeconfig "$node" "$PKI/$node.kubeconfig"
  done
  openssl genrsa -out service-accounts.key 2048 2>/dev/null
  openssl rsa -in service-accounts.key -pubout -out service-accounts.pub 2>/dev/null
  touch .done
}

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" 2>/dev/null; }

# certificate NAME SUBJECT [SUBJECT-ALTERNATIVE-NAMES]
certificate() {
  local extensions="basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n"
  [ -n "${3:-}" ] && extensions+="subjectAltName=$3\n"
  new_key "$1"
  openssl req -new -key "$1.key" -subj "$2" |
    openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out "$1.crt" \
      -extfile <(printf '%b' "$extensions") 2>/dev/null
}

# kubeconfig NAME FILE: with everything inline.
kubeconfig() {
  cat >"$2" <<Y
apiVersion: v1
kind: Config
clusters: [{name: sabot-e2e, cluster: {server: "https://$CP_IP:6443", certificate-authority-data: $(base64 -w0 ca.crt)}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}}]
contexts: [{name: sabot-e2e, context: {cluster: sabot-e2e, user: $1}}]
current-context: sabot-e2e
Y
}
