//! Builds the slots of an attempt in this pod: channels, state restored from the manifest,
//! sources, operators and sinks.

mod source;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, mpsc};

use sabot_connectors::open_sink;
use sabot_core::metrics::OperatorMetrics;
use sabot_core::plan::{Exchange, JobPlan, NodeKind, PlanNode};
use sabot_core::protocol::PodSlots;
use sabot_core::state::StateBackend;
use sabot_core::{Doorbell, Error, Result, SinkContext, TaskHandle};
use sabot_net::{ChannelId, Receiver, Sender, channel};
use sabot_ops::{Migration, OperatorConfig, Partitioner};
use sabot_snapshot::{LoadedManifest, OperatorState, RestoreError, restore};
use sabot_state::Backend;
use sabot_types::{Attempt, Epoch, EventTime, ManifestRef, OperatorUid};

use crate::align::Aligner;
use crate::chain::{Chain, ChainNode, ExchangeOut, Output, Routing, Work};
use crate::drift::Groups;
use crate::driver::{Network, WorkerConfig};
use crate::lookup::Lookups;
use crate::slot::{Slot, SlotCommand, SlotEvent};
use crate::tasklet::{ExchangeTasklet, Pressure, Tasklet};
use crate::watermarks::MinWatermark;

/// Bytes that one channel between two subtasks holds at most, beyond one batch.
const CHANNEL_BYTES: usize = 1 << 20;

/// Why an attempt could not be built in this pod.
pub type DeployError = Error;

/// The slots of an attempt, built but not running.
pub(crate) struct Deployment {
    pub(crate) attempt: Attempt,
    pub(crate) slots: Vec<BuiltSlot>,
    /// Streams to other pods; end with the attempt.
    pub(crate) streams: Vec<TaskHandle>,
    /// The sources that wait for each other.
    pub(crate) groups: Groups,
}

pub(crate) struct BuiltSlot {
    pub(crate) index: u32,
    pub(crate) commands: mpsc::Sender<SlotCommand>,
    pub(crate) bell: Doorbell,
    pub(crate) state_bytes: Arc<AtomicU64>,
    /// Taken when the attempt runs.
    pub(crate) slot: Option<Slot>,
}

/// What a deployment is made from.
pub(crate) struct Order {
    pub(crate) attempt: Attempt,
    pub(crate) pods: Vec<PodSlots>,
    pub(crate) restore: Option<ManifestRef>,
}

/// Receives what slots say: the attempt, the slot, the event.
pub(crate) type EventSink = Arc<dyn Fn(Attempt, u32, SlotEvent) + Send + Sync>;

/// Builds everything of `order` that belongs to this pod.
pub(crate) async fn deploy(
    config: &WorkerConfig,
    network: &Arc<dyn Network>,
    order: &Order,
    events: &EventSink,
) -> Result<Deployment> {
    let manifest = match &order.restore {
        None => None,
        Some(reference) => Some(load(config, reference).await?),
    };
    let me =
        order.pods.iter().find(|pod| pod.pod == config.pod).ok_or_else(|| {
            Error::user(format!("pod {} is not part of the deployment", config.pod))
        })?;
    let parallelism = order.pods.iter().map(|pod| pod.slots).sum();
    config.metrics.begin(order.attempt);
    let bells: BTreeMap<u32, Doorbell> =
        (me.first_slot..me.first_slot + me.slots).map(|slot| (slot, Doorbell::new())).collect();
    let mut wiring = Wiring::new(config, network, order, &bells, events);
    wiring.connect(&config.plan);
    let groups = Groups::new(&config.plan, &bells, order.pods.len() == 1);
    let mut slots = Vec::new();
    for (index, bell) in &bells {
        let mut build = SlotBuild {
            config,
            attempt: order.attempt,
            index: *index,
            parallelism,
            bell,
            manifest: manifest.as_ref(),
            wiring: &mut wiring,
            groups: &groups,
            backend: open_backend(config, order.attempt, *index)?,
        };
        let tasklets = build.tasklets().await?;
        let backend = build.backend;
        slots.push(assemble(order.attempt, *index, bell, tasklets, backend, events));
    }
    Ok(Deployment { attempt: order.attempt, slots, streams: wiring.streams, groups })
}

async fn load(config: &WorkerConfig, reference: &ManifestRef) -> Result<LoadedManifest> {
    restore::load_manifest(&config.store, config.env.stores.as_ref(), reference)
        .await
        .map_err(|e| restore_error("loading the manifest to restore".to_owned(), e))
}

/// A restart cannot help where the state is missing, damaged or does not fit: its own error says
/// what can.
fn restore_error(what: String, error: RestoreError) -> Error {
    let is_lasting = error.is_lasting();
    let error = Error::state(what, error);
    if is_lasting { Error::user(error.chain()) } else { error }
}

fn open_backend(
    config: &WorkerConfig,
    attempt: Attempt,
    slot: u32,
) -> Result<Box<dyn StateBackend>> {
    let backend = match &config.backend {
        StateBackendConfig::Memory => Backend::Memory,
        StateBackendConfig::RocksDb { cache_size_mb } => Backend::RocksDb {
            dir: config.env.local_dir.join(format!("attempt-{attempt}-slot-{slot}")),
            cache_size_mb: *cache_size_mb,
        },
    };
    sabot_state::open(backend)
}

/// Which state backend slots use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateBackendConfig {
    /// In memory.
    Memory,
    /// `RocksDB` below the local directory.
    RocksDb {
        /// Memory for block cache and write buffers of a slot, in megabytes.
        cache_size_mb: u64,
    },
}

fn assemble(
    attempt: Attempt,
    index: u32,
    bell: &Doorbell,
    tasklets: Vec<Tasklet>,
    backend: Box<dyn StateBackend>,
    events: &EventSink,
) -> BuiltSlot {
    let (commands, receiver) = mpsc::channel();
    let state_bytes = Arc::new(AtomicU64::new(backend.size_bytes()));
    let events = Arc::clone(events);
    let slot = Slot {
        passed: vec![Epoch::new(0); tasklets.len()],
        tasklets,
        backend,
        commands: receiver,
        events: Box::new(move |event| events(attempt, index, event)),
        state_bytes: Arc::clone(&state_bytes),
        pending: VecDeque::new(),
        parked_at: None,
        ended: false,
    };
    BuiltSlot { index, commands, bell: bell.clone(), state_bytes, slot: Some(slot) }
}

/// The ends of all channels that touch this pod.
struct Wiring<'a> {
    config: &'a WorkerConfig,
    network: &'a Arc<dyn Network>,
    order: &'a Order,
    bells: &'a BTreeMap<u32, Doorbell>,
    events: &'a EventSink,
    senders: BTreeMap<ChannelId, Sender>,
    receivers: BTreeMap<ChannelId, Receiver>,
    streams: Vec<TaskHandle>,
    lookups: Lookups,
}

impl<'a> Wiring<'a> {
    fn new(
        config: &'a WorkerConfig,
        network: &'a Arc<dyn Network>,
        order: &'a Order,
        bells: &'a BTreeMap<u32, Doorbell>,
        events: &'a EventSink,
    ) -> Self {
        Self {
            config,
            network,
            order,
            bells,
            events,
            senders: BTreeMap::new(),
            receivers: BTreeMap::new(),
            streams: Vec::new(),
            lookups: Lookups::default(),
        }
    }

    fn connect(&mut self, plan: &JobPlan) {
        let slots: Vec<(u32, &'a PodSlots)> = self
            .order
            .pods
            .iter()
            .flat_map(|pod| (pod.first_slot..pod.first_slot + pod.slots).map(move |s| (s, pod)))
            .collect();
        for node in plan.nodes.iter().filter(|node| !node.is_chained()) {
            for (port, input) in node.inputs.iter().enumerate() {
                let edge = plan.edge(node.id, port);
                for (from, from_pod) in &slots {
                    for (to, to_pod) in &slots {
                        if input.exchange != Exchange::Forward || from == to {
                            let id = ChannelId { edge, from: *from, to: *to };
                            self.channel(id, from_pod, to_pod);
                        }
                    }
                }
            }
        }
    }

    fn channel(&mut self, id: ChannelId, from: &PodSlots, to: &PodSlots) {
        let here = self.config.pod;
        if from.pod != here && to.pod != here {
            return;
        }
        let (sender, receiver) = channel(CHANNEL_BYTES);
        if from.pod == here {
            sender.on_room(self.bells[&id.from].clone());
            self.senders.insert(id, sender);
        } else {
            self.config.exchange.register(self.order.attempt, id, sender);
        }
        if to.pod == here {
            receiver.on_element(self.bells[&id.to].clone());
            self.receivers.insert(id, receiver);
        } else {
            self.stream(id, to.data_addr.clone(), receiver);
        }
    }

    fn stream(&mut self, id: ChannelId, addr: String, receiver: Receiver) {
        let network = Arc::clone(self.network);
        let events = Arc::clone(self.events);
        let attempt = self.order.attempt;
        let task = async move {
            if let Err(error) = network.stream(&addr, attempt, id, receiver).await {
                events(attempt, id.from, SlotEvent::Failed(error));
            }
        };
        self.streams.push(self.config.env.tasks.spawn("stream", Box::pin(task)));
    }
}

/// Builds the tasklets of one slot.
struct SlotBuild<'a, 'w> {
    config: &'a WorkerConfig,
    attempt: Attempt,
    index: u32,
    parallelism: u32,
    bell: &'a Doorbell,
    manifest: Option<&'a LoadedManifest>,
    wiring: &'w mut Wiring<'a>,
    groups: &'a Groups,
    backend: Box<dyn StateBackend>,
}

impl SlotBuild<'_, '_> {
    async fn tasklets(&mut self) -> Result<Vec<Tasklet>> {
        self.restore_state().await?;
        let plan = Arc::clone(&self.config.plan);
        let mut tasklets = Vec::new();
        for node in &plan.nodes {
            match &node.kind {
                NodeKind::Source(desc) => {
                    let tasklet = self.source(&plan, node, desc).await?;
                    tasklets.push(Tasklet::Source(Box::new(tasklet)));
                }
                _ if node.is_chained() => {}
                _ => {
                    let tasklet = self.exchange(&plan, node).await?;
                    tasklets.push(Tasklet::Exchange(Box::new(tasklet)));
                }
            }
        }
        Ok(tasklets)
    }

    /// Brings the rows of this slot's key groups into the backend.
    async fn restore_state(&mut self) -> Result<()> {
        let Some(manifest) = self.manifest else { return Ok(()) };
        let wanted = sabot_ops::states_of(&self.config.plan);
        let wanted: BTreeMap<_, _> =
            wanted.map(|spec| ((spec.operator.clone(), spec.name.clone()), spec)).collect();
        let range = self.config.plan.key_groups.range_of(self.index, self.parallelism);
        let now_ms = self.config.env.clock.now_ms();
        let backend = &mut self.backend;
        let mut migrations: BTreeMap<(OperatorUid, String), Option<Migration>> = BTreeMap::new();
        restore::read_rows(&manifest.root, &manifest.manifest, range, |spec, rows| {
            let key = (spec.operator.clone(), spec.name.clone());
            let Some(target) = wanted.get(&key) else { return Ok(()) };
            let migration = match migrations.get(&key) {
                Some(known) => known,
                None => {
                    let made = sabot_ops::migrate(spec, target, now_ms)?;
                    migrations.entry(key).or_insert(Some(made))
                }
            };
            let rows = match migration {
                Some(migration) => migration.rows(rows)?,
                None => rows,
            };
            let state = backend.open(target)?;
            backend.restore(state, &rows)
        })
        .await
        .map_err(|e| restore_error(format!("restoring the state of slot {}", self.index), e))
    }

    fn stored(&self, uid: &OperatorUid) -> Option<&OperatorState> {
        self.manifest.and_then(|m| m.manifest.operators.get(uid))
    }

    async fn exchange(&mut self, plan: &JobPlan, node: &PlanNode) -> Result<ExchangeTasklet> {
        let (mut inputs, mut ports) = (Vec::new(), Vec::new());
        for (port, input) in node.inputs.iter().enumerate() {
            let edge = plan.edge(node.id, port);
            for from in self.ends(&input.exchange) {
                let id = ChannelId { edge, from, to: self.index };
                let receiver = self.wiring.receivers.remove(&id);
                inputs.push(receiver.expect("every channel to a slot of this pod was made"));
                ports.push(port);
            }
        }
        let mut chain = Chain::new(Arc::clone(&self.config.env.clock));
        let head = self.node(plan, node, &mut chain).await?;
        chain.roots = vec![Output::Node(head, 0)];
        Ok(ExchangeTasklet {
            aligner: Aligner::new(inputs.len()),
            watermarks: MinWatermark::new(inputs.len()),
            inputs,
            ports,
            chain,
            clock: Arc::clone(&self.config.env.clock),
            next: 0,
            paused: false,
            ended: false,
            pressure: Pressure::default(),
        })
    }

    /// Adds what reads `node` to the chain and says where its output goes, and where rows that come
    /// too late for it do.
    async fn outputs(
        &mut self,
        plan: &JobPlan,
        node: &PlanNode,
        chain: &mut Chain,
    ) -> Result<(Vec<Output>, Vec<Output>)> {
        let (mut outputs, mut late) = (Vec::new(), Vec::new());
        for (reader, port) in plan.readers(node.id) {
            if reader.is_chained() {
                let index = Box::pin(self.node(plan, reader, chain)).await?;
                let is_late = reader.inputs[port].exchange == Exchange::Late;
                let outputs = if is_late { &mut late } else { &mut outputs };
                outputs.push(Output::Node(index, port));
            } else {
                outputs.push(Output::Exchange(chain.exchanges.len()));
                chain.exchanges.push(self.exchange_out(plan, reader, port));
            }
        }
        Ok((outputs, late))
    }

    /// The subtasks at the other ends of this slot's channels of an edge.
    fn ends(&self, exchange: &Exchange) -> Range<u32> {
        match exchange {
            Exchange::Forward | Exchange::Late => self.index..self.index + 1,
            Exchange::Keyed(_) => 0..self.parallelism,
        }
    }

    fn exchange_out(&mut self, plan: &JobPlan, reader: &PlanNode, port: usize) -> ExchangeOut {
        let exchange = &reader.inputs[port].exchange;
        let edge = plan.edge(reader.id, port);
        let senders = self.ends(exchange).map(|to| {
            let id = ChannelId { edge, from: self.index, to };
            let sender = self.wiring.senders.remove(&id);
            sender.expect("every channel from a slot of this pod was made")
        });
        let senders = senders.collect();
        let routing = match exchange {
            Exchange::Forward | Exchange::Late => Routing::Direct,
            Exchange::Keyed(columns) => {
                let columns = columns.clone();
                Routing::Keyed(Partitioner::new(columns, plan.key_groups, self.parallelism))
            }
        };
        ExchangeOut { routing, senders, waiting: VecDeque::new() }
    }

    /// Adds `node` and everything chained behind it; its index in the chain.
    async fn node(&mut self, plan: &JobPlan, node: &PlanNode, chain: &mut Chain) -> Result<usize> {
        let metrics = self.metrics(node);
        let work = match &node.kind {
            NodeKind::Sink(desc) => Work::Sink(
                open_sink(SinkContext {
                    uid: node.uid.clone(),
                    table: desc.table.clone(),
                    options: Arc::clone(&desc.options),
                    schema: Arc::clone(&node.schema),
                    subtask: self.index,
                    parallelism: self.parallelism,
                    attempt: self.attempt,
                    doorbell: self.bell.clone(),
                    metrics: Arc::clone(&metrics),
                    env: self.config.env.clone(),
                })
                .await?,
            ),
            _ => Work::Operator(self.operator(plan, node, &metrics).await?),
        };
        let index = chain.nodes.len();
        let (outputs, late) = (Vec::new(), Vec::new());
        chain.nodes.push(ChainNode { uid: node.uid.clone(), metrics, work, outputs, late });
        let (outputs, late) = self.outputs(plan, node, chain).await?;
        (chain.nodes[index].outputs, chain.nodes[index].late) = (outputs, late);
        Ok(index)
    }

    async fn operator(
        &mut self,
        plan: &JobPlan,
        node: &PlanNode,
        metrics: &Arc<OperatorMetrics>,
    ) -> Result<Box<dyn sabot_core::Operator>> {
        let restored_watermark: Option<EventTime> =
            self.stored(&node.uid).and_then(|stored| stored.watermark);
        let config = OperatorConfig {
            key_groups: plan.key_groups,
            key_range: plan.key_groups.range_of(self.index, self.parallelism),
            restored_watermark,
            max_batch_rows: self.config.max_batch_rows,
            seed: self.config.env.random.next_u64(),
        };
        let inputs = plan.input_schemas(node);
        if let NodeKind::LookupJoin(desc) = &node.kind {
            let table = self.wiring.lookups.table(self.config, node, desc, metrics).await?;
            let state = self.backend.as_mut();
            return sabot_ops::build_lookup(node, desc, &inputs[0], table, &config, state);
        }
        sabot_ops::build(node, &inputs, &config, self.backend.as_mut())
    }

    fn metrics(&self, node: &PlanNode) -> Arc<OperatorMetrics> {
        self.config.metrics.operator(&node.name, &node.kind)
    }
}
