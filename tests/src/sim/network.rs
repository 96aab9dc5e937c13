//! The simulated network: delayed, ordered streams between processes, which break when an end
//! dies or the scenario cuts them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sabot_core::{Element, Error, Random, Result, SeededRandom};
use sabot_net::{ChannelId, ControlLink, Exchange, Receiver, TryRecv};
use sabot_types::{Attempt, SetNumber};
use sabot_worker::Network;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, mpsc};

const FRAMES: usize = 256;

/// Which processes exist and how they are reached.
#[derive(Clone)]
pub(crate) struct Switch(Arc<Mutex<Ports>>);

struct Ports {
    coordinators: BTreeMap<SetNumber, mpsc::Sender<ControlLink>>,
    exchanges: BTreeMap<String, Arc<Exchange>>,
    random: Arc<SeededRandom>,
    // Not a watch channel: that one wakes its receivers in a random order.
    cut: Arc<Notify>,
}

impl Switch {
    pub(crate) fn new(random: Arc<SeededRandom>) -> Self {
        Self(Arc::new(Mutex::new(Ports {
            coordinators: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            random,
            cut: Arc::default(),
        })))
    }

    pub(crate) fn coordinator(&self, set: SetNumber, links: mpsc::Sender<ControlLink>) {
        self.lock().coordinators.insert(set, links);
    }

    /// Where the coordinator of a set takes control streams.
    pub(crate) fn coordinator_of(&self, set: u64) -> Option<mpsc::Sender<ControlLink>> {
        self.lock().coordinators.get(&SetNumber::new(set)).cloned()
    }

    pub(crate) fn exchange(&self, addr: &str, exchange: &Arc<Exchange>) {
        self.lock().exchanges.insert(addr.to_string(), Arc::clone(exchange));
    }

    /// Breaks every stream that is open now.
    pub(crate) fn cut_all(&self) {
        self.lock().cut.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn delay(&self) -> Duration {
        Duration::from_millis(1 + self.lock().random.next_u64() % 5)
    }

    /// Ends at the next cut from now on.
    fn cut(&self) -> OwnedNotified {
        Arc::clone(&self.lock().cut).notified_owned()
    }

    /// Carries frames from one end to the other until either is gone or the stream is cut.
    fn pump(&self, mut from: mpsc::Receiver<Bytes>, to: mpsc::Sender<Bytes>) {
        let switch = self.clone();
        let cut = self.cut();
        tokio::spawn(async move {
            tokio::pin!(cut);
            loop {
                tokio::select! {
                    biased;
                    () = &mut cut => return,
                    () = to.closed() => return,
                    frame = from.recv() => {
                        let Some(frame) = frame else { return };
                        tokio::time::sleep(switch.delay()).await;
                        if to.send(frame).await.is_err() {
                            return;
                        }
                    }
                }
            }
        });
    }
}

/// The network as a worker of one set sees it.
pub(crate) struct SimNetwork {
    pub(crate) switch: Switch,
    pub(crate) set: SetNumber,
}

#[async_trait]
impl Network for SimNetwork {
    async fn connect_control(&self) -> Result<ControlLink> {
        tokio::time::sleep(self.switch.delay()).await;
        let links = self.switch.lock().coordinators.get(&self.set).cloned();
        let links = links.ok_or_else(|| refused("coordinator"))?;
        let (here_tx, here_rx) = mpsc::channel(FRAMES);
        let (wire_in_tx, wire_in_rx) = mpsc::channel(FRAMES);
        let (there_tx, there_rx) = mpsc::channel(FRAMES);
        let (wire_out_tx, wire_out_rx) = mpsc::channel(FRAMES);
        self.switch.pump(here_rx, wire_in_tx);
        self.switch.pump(there_rx, wire_out_tx);
        let link = ControlLink { tx: there_tx, rx: wire_in_rx };
        links.send(link).await.map_err(|_| refused("coordinator"))?;
        Ok(ControlLink { tx: here_tx, rx: wire_out_rx })
    }

    async fn stream(
        &self,
        addr: &str,
        attempt: Attempt,
        id: ChannelId,
        receiver: Receiver,
    ) -> Result<()> {
        let exchange = self.switch.lock().exchanges.get(addr).cloned();
        let exchange = exchange.ok_or_else(|| refused(addr))?;
        let cut = self.switch.cut();
        tokio::pin!(cut);
        let sender = exchange.incoming(attempt, id).await.ok_or_else(|| refused(addr))?;
        loop {
            tokio::select! {
                biased;
                () = &mut cut => return Err(refused(addr)),
                element = receiver.recv() => {
                    let Some(element) = element else { return Ok(()) };
                    // Markers come with the rows before them.
                    if !matches!(element, Element::Marker(_)) {
                        tokio::time::sleep(self.switch.delay()).await;
                    }
                    if sender.send(element).await.is_err() {
                        return Err(refused(addr));
                    }
                    // What was sent meanwhile has been as long on its way.
                    while let TryRecv::Element(element) = receiver.try_recv() {
                        if sender.send(element).await.is_err() {
                            return Err(refused(addr));
                        }
                    }
                }
            }
        }
    }
}

fn refused(whom: &str) -> Error {
    Error::external(format!("reaching {whom}"), "the stream broke".to_string())
}
