# shellcheck shell=bash
# What jobs talk to: an S3 server, a Kafka broker and Prometheus, all in machine cp.

listening() { in_machine cp bash -c "echo >/dev/tcp/$CP_IP/$1"; }

s3_endpoint() { echo "http://$CP_IP:$S3_PORT"; }

s3_up() {
  mkdir -p "$SABOT_STATE/s3"
  start cp versitygw "$BIN/versitygw" --access "$S3_ACCESS_KEY" --secret "$S3_SECRET_KEY" \
    --port "$CP_IP:$S3_PORT" --quiet --keep-alive posix "$SABOT_STATE/s3"
  wait_for 15 "S3" listening "$S3_PORT"
}

# s3_request METHOD PATH [CURL-ARGS...]
s3_request() {
  local method=$1 path=$2
  shift 2
  # the payload stays unsigned: this version of curl does not send its digest, which S3 asks for
  nsenter --net=/run/netns/sabot-cp curl -sS --noproxy '*' -X "$method" \
    --aws-sigv4 aws:amz:us-east-1:s3 --user "$S3_ACCESS_KEY:$S3_SECRET_KEY" \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -H 'Content-Type: application/octet-stream' \
    "$@" "$(s3_endpoint)/$path"
}

s3_bucket() {
  local code
  code=$(s3_request PUT "$1" -o /dev/null -w '%{http_code}') || true
  [[ "$code" = 200 || "$code" = 409 ]] || die "bucket $1 cannot be made: HTTP $code"
}

kafka_up() {
  kafka_broker "$SABOT_STATE/kafka" "$CP_IP" "$KAFKA_PORT" 9093
  start cp kafka "${KAFKA_BROKER[@]}"
  wait_for 60 "Kafka" listening "$KAFKA_PORT"
}

# kafka_cli CLASS ARGS...: one of the broker's own commands, for instance
# org.apache.kafka.tools.TopicCommand --create --topic t --partitions 4
kafka_cli() {
  local class=$1
  shift
  in_machine cp java -Xmx256m -XX:TieredStopAtLevel=1 "-Dlog4j.configuration=file:$SABOT_STATE/kafka/log4j.properties" \
    -cp "$KAFKA_LIBS/*" "$class" --bootstrap-server "$CP_IP:$KAFKA_PORT" "$@"
}

# Scrapes every pod that carries the annotations prometheus.io/scrape and prometheus.io/port.
prometheus_up() {
  local disk=$SABOT_STATE/prometheus
  mkdir -p "$disk"
  cat >"$disk/prometheus.yml" <<Y
global: {scrape_interval: 2s, scrape_timeout: 1s}
scrape_configs:
- job_name: prometheus
  static_configs: [{targets: ["$CP_IP:$PROMETHEUS_PORT"]}]
- job_name: pods
  kubernetes_sd_configs: [{role: pod, kubeconfig_file: $ADMIN_KUBECONFIG}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], regex: "true", action: keep}
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_path], regex: '(.+)', target_label: __metrics_path__}
  - {source_labels: [__address__, __meta_kubernetes_pod_annotation_prometheus_io_port], regex: '([^:]+)(?::\d+)?;(\d+)', replacement: '\$1:\$2', target_label: __address__}
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
- job_name: cadvisor
  scheme: https
  tls_config: {ca_file: $PKI/ca.crt, cert_file: $PKI/admin.crt, key_file: $PKI/admin.key}
  metrics_path: /metrics/cadvisor
  kubernetes_sd_configs: [{role: node, kubeconfig_file: $ADMIN_KUBECONFIG}]
Y
  start cp prometheus "$BIN/prometheus" --config.file="$disk/prometheus.yml" --storage.tsdb.path="$disk/data" \
    --web.listen-address="$CP_IP:$PROMETHEUS_PORT" --log.level=warn
  wait_for 20 "Prometheus" listening "$PROMETHEUS_PORT"
}

# service NAME UNIT VERB: up, down (asked to stop) or kill (not asked)
service() {
  case $3 in
    up) running cp.holder || die "the cluster is not up"; "$1_up" ;;
    down) stop "cp.$2" ;;
    kill) stop "cp.$2" KILL ;;
    *) die "$1: up, down or kill, not '$3'" ;;
  esac
}
