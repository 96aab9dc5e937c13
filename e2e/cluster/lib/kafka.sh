# shellcheck shell=bash
# A Kafka broker that is its own controller: one Java process, a folder, and two ports.

# kafka_broker FOLDER HOST PORT CONTROLLER_PORT: makes the folder, and KAFKA_BROKER the command that
# runs the broker in it.
kafka_broker() {
  local disk=$1 host=$2 port=$3 controller=$4
  KAFKA_JAVA=(java -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1
    "-Dlog4j.configuration=file:$disk/log4j.properties" -cp "$KAFKA_LIBS/*")
  KAFKA_BROKER=("${KAFKA_JAVA[@]}" -Xmx384m kafka.Kafka "$disk/server.properties")
  mkdir -p "$disk"
  cat >"$disk/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$host:$controller
listeners=PLAINTEXT://$host:$port,CONTROLLER://$host:$controller
advertised.listeners=PLAINTEXT://$host:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=$disk/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=2
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
P
  cat >"$disk/log4j.properties" <<P
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n
P
  [ -f "$disk/data/meta.properties" ] ||
    "${KAFKA_JAVA[@]}" kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c "$disk/server.properties" >/dev/null
}
