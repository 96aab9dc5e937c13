//! The sink that is exactly once: what comes between two checkpoints is a transaction.
//!
//! A checkpoint waits until the brokers have all messages of the transaction, and its manifest says how
//! to commit it: once the checkpoint is there the coordinator asks the brokers to, which it can also
//! do after the process that wrote the messages is gone. So the client library begins transactions and
//! fills them, and never ends one.
//!
//! A transaction that no checkpoint knows is aborted when the next attempt begins, or by the brokers
//! after `transaction.timeout.ms`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::FutureExt;
use futures::channel::oneshot::{self, Receiver};
use futures::future::{BoxFuture, ready};
use rdkafka::producer::Producer;
use sabot_core::{Committable, Committer, Doorbell, Env, Error, Result, Sink, SinkContext};
use sabot_types::{Attempt, Epoch, OperatorUid};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::client::{ANSWER_TIMEOUT, blocking, failed, partitions};
use super::sink::{Client, Encoder, Messages};
use super::wire::{Code, Connection, Described};

/// The longest wait until the library tells a producer's identity.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(10);
/// For how long a commit is tried before it is reported, to be tried again.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(50);

/// The producer's epoch is not that of the transaction (any more).
const FENCED: &[Code] = &[47, 90];
/// There is no such transaction.
const NO_TRANSACTION: &[Code] = &[48, 49, 105];

/// The state of an id whose transaction was committed.
const COMMITTED: &str = "CompleteCommit";
/// States of one whose transaction has ended.
const ENDED: &[&str] = &["Empty", COMMITTED, "CompleteAbort", "Dead"];
/// States of one that was aborted.
const ABORTED: &[&str] = &["CompleteAbort", "PrepareAbort", "PrepareEpochFence"];

/// What transactional ids of a sink begin with; those of attempts and subtasks follow.
fn ids_of(prefix: &str, uid: &OperatorUid) -> String {
    format!("{prefix}-{uid}-")
}

/// A transaction, as whoever ends it has to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prepared {
    brokers: String,
    topic: String,
    transactional_id: String,
    producer_id: i64,
    producer_epoch: i16,
}

/// A transaction that takes messages.
struct Open {
    client: Client,
    id: Id,
    has_messages: bool,
}

/// A transactional id: the one of a slot, which is used again once its transaction was committed, so
/// that the brokers do not have to remember one for each checkpoint.
#[derive(Debug, Clone)]
struct Id {
    slot: u32,
    text: String,
}

/// The transactional ids of a subtask.
struct Ids {
    prefix: String,
    next: u32,
    /// Those that were used, the one that is asked for next first.
    used: VecDeque<u32>,
}

impl Ids {
    fn of(&self, slot: u32) -> Id {
        Id { slot, text: format!("{}{slot}", self.prefix) }
    }

    fn fresh(&mut self) -> Id {
        self.next += 1;
        self.of(self.next)
    }
}

/// Opens transactions of a subtask, one after the other.
#[derive(Clone)]
struct Opener {
    settings: Settings,
    ids: Arc<Mutex<Ids>>,
    doorbell: Doorbell,
    env: Env,
}

/// A transaction that is being opened in the background.
struct Opening {
    opened: Receiver<Result<Open>>,
    /// Whether it can be taken.
    is_done: Arc<AtomicBool>,
}

impl Opener {
    /// Opens one. Blocks.
    fn open(&self) -> Result<Open> {
        let id = self.free_id();
        let client = Client::open(&self.settings, &self.doorbell, Some(&id.text))?;
        let begin = || {
            client.producer.init_transactions(ANSWER_TIMEOUT)?;
            client.producer.begin_transaction()
        };
        begin().map_err(|error| failed(&self.settings, "beginning a transaction of", error))?;
        Ok(Open { client, id, has_messages: false })
    }

    /// A new id, or one whose transaction was committed.
    fn free_id(&self) -> Id {
        let oldest = {
            let mut ids = self.ids();
            match ids.used.pop_front() {
                Some(slot) => ids.of(slot),
                None => return ids.fresh(),
            }
        };
        match ask_coordinator(&self.settings.brokers, &oldest.text, Connection::describe) {
            // One that was aborted has to be found so by whoever wants to commit it.
            Ok(Ok(Described { state, .. })) if state == COMMITTED => oldest,
            _ => {
                let mut ids = self.ids();
                // Perhaps never: the next ones are asked for first.
                ids.used.push_back(oldest.slot);
                ids.fresh()
            }
        }
    }

    fn ids(&self) -> std::sync::MutexGuard<'_, Ids> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the next one in the background.
    fn start(&self) -> Opening {
        let (done, opened) = oneshot::channel();
        let is_done = Arc::<AtomicBool>::default();
        let (this, flag) = (self.clone(), Arc::clone(&is_done));
        let open = move || {
            // Whoever waits may be gone.
            let _ = done.send(this.open());
            flag.store(true, Ordering::Release);
            this.doorbell.ring();
        };
        self.env.tasks.spawn_blocking("kafka-transaction", Box::new(open));
        Opening { opened, is_done }
    }
}

/// What a broker answers, if it can be reached.
type Answer<T> = std::io::Result<std::result::Result<T, Code>>;

/// Asks the coordinator of an id, whoever of `brokers` knows it. Blocks.
fn ask_coordinator<T>(
    brokers: &str,
    id: &str,
    ask: impl Fn(&mut Connection, &str) -> Answer<T>,
) -> Answer<T> {
    let mut failure = std::io::Error::other("no broker is named");
    for broker in brokers.split(',').map(str::trim).filter(|broker| !broker.is_empty()) {
        let asked = Connection::open(broker).and_then(|mut connection| {
            match connection.coordinator(id)? {
                Ok(coordinator) => ask(&mut Connection::open(&coordinator)?, id),
                Err(code) => Ok(Err(code)),
            }
        });
        match asked {
            Ok(answer) => return Ok(answer),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

pub(super) struct TransactionalSink {
    messages: Arc<Messages>,
    uid: OperatorUid,
    opener: Opener,
    /// None: the next one is still being opened.
    open: Option<Open>,
    next: Opening,
    /// Rows that came meanwhile.
    waiting: Vec<RecordBatch>,
}

impl TransactionalSink {
    /// `prefix` is that of the transactional ids.
    pub(super) async fn open(
        ctx: &SinkContext,
        settings: Settings,
        prefix: &str,
        encoder: impl FnOnce(&SchemaRef) -> Encoder,
    ) -> Result<Self> {
        let prefix = format!("{}{}-{}-", ids_of(prefix, &ctx.uid), ctx.attempt.get(), ctx.subtask);
        let opener = Opener {
            settings: settings.clone(),
            ids: Arc::new(Mutex::new(Ids { prefix, next: 0, used: VecDeque::new() })),
            doorbell: ctx.doorbell.clone(),
            env: ctx.env.clone(),
        };
        let first = opener.clone();
        let (open, partitions) = blocking(&ctx.env, "kafka-open", move || {
            let open = first.open()?;
            let partitions = partitions(open.client.producer.client(), &first.settings, || ())?;
            Ok((open, partitions))
        })
        .await?;
        Ok(Self {
            messages: Arc::new(Messages::new(ctx, settings, &partitions, encoder)),
            uid: ctx.uid.clone(),
            next: opener.start(),
            opener,
            open: Some(open),
            waiting: Vec::new(),
        })
    }

    /// Takes the next transaction, if there is none and it is open.
    fn settle(&mut self) -> Result<()> {
        if self.open.is_some() {
            return Ok(());
        }
        let opened = self.next.opened.try_recv().map_err(|_| ended_early())?;
        let Some(opened) = opened else { return Ok(()) };
        let mut open = opened?;
        self.next = self.opener.start();
        for batch in self.waiting.drain(..) {
            open.send(&batch, &self.messages)?;
        }
        self.open = Some(open);
        Ok(())
    }
}

fn ended_early() -> Error {
    Error::external("beginning a transaction at the Kafka brokers", "the task ended early")
}

impl Open {
    fn send(&mut self, batch: &RecordBatch, messages: &Messages) -> Result<()> {
        // Brokers know nothing of a transaction without messages, so that it cannot be committed.
        self.has_messages |= messages.send(batch, &self.client)? > 0;
        Ok(())
    }

    /// Waits until the brokers have all messages. Blocks.
    fn prepare(self, opener: &Opener) -> Result<Prepared> {
        let settings = &opener.settings;
        self.client.flush(settings)?;
        let began = Instant::now();
        let (producer_id, producer_epoch) = loop {
            match self.client.deliveries.identity() {
                Some(identity) => break identity,
                None if began.elapsed() > IDENTITY_TIMEOUT => {
                    return Err(Error::external(
                        format!("preparing transaction {}", self.id.text),
                        "the client library does not tell its producer id",
                    ));
                }
                None => std::thread::sleep(RETRY),
            }
        };
        opener.ids().used.push_back(self.id.slot);
        Ok(Prepared {
            brokers: settings.brokers.clone(),
            topic: settings.topic.clone(),
            transactional_id: self.id.text,
            producer_id,
            producer_epoch,
        })
    }
}

impl Sink for TransactionalSink {
    fn write(&mut self, batch: RecordBatch) -> Result<()> {
        self.settle()?;
        match &mut self.open {
            Some(open) => open.send(&batch, &self.messages),
            None => {
                self.waiting.push(batch);
                Ok(())
            }
        }
    }

    fn prepare(&mut self, epoch: Epoch) -> BoxFuture<'static, Result<Vec<Committable>>> {
        if let Err(error) = self.settle() {
            return ready(Err(error)).boxed();
        }
        let open = match self.open.take() {
            Some(open) if !open.has_messages => {
                self.open = Some(open);
                return ready(Ok(Vec::new())).boxed();
            }
            Some(open) => Ok(open),
            None if self.waiting.is_empty() => return ready(Ok(Vec::new())).boxed(),
            None => Err(std::mem::replace(&mut self.next, self.opener.start())),
        };
        let waiting = std::mem::take(&mut self.waiting);
        let (messages, opener) = (Arc::clone(&self.messages), self.opener.clone());
        let (uid, env) = (self.uid.clone(), self.opener.env.clone());
        async move {
            let mut open = match open {
                Ok(open) => open,
                Err(next) => next.opened.await.map_err(|_| ended_early())??,
            };
            let prepared = blocking(&env, "kafka-prepare", move || {
                for batch in &waiting {
                    open.send(batch, &messages)?;
                }
                if open.has_messages { open.prepare(&opener).map(Some) } else { Ok(None) }
            })
            .await?;
            let committable = prepared.map(|prepared| {
                let payload = serde_json::json!(prepared);
                Committable { uid, connector: super::NAME.to_owned(), epoch, payload }
            });
            Ok(committable.into_iter().collect())
        }
        .boxed()
    }

    fn ready(&self) -> bool {
        match &self.open {
            Some(open) => open.client.has_room(),
            None => self.next.is_done.load(Ordering::Acquire),
        }
    }
}

/// Commits transactions.
pub(super) struct KafkaCommitter {
    pub(super) env: Env,
}

#[async_trait]
impl Committer for KafkaCommitter {
    async fn commit(&self, committable: &Committable) -> Result<()> {
        let prepared = Prepared::deserialize(&committable.payload).map_err(|error| {
            Error::external(format!("reading the committable of {}", committable.uid), error)
        })?;
        blocking(&self.env, "kafka-commit", move || prepared.commit()).await
    }
}

/// What became of a transaction that is to be committed.
enum Outcome {
    Committed,
    /// Not yet; for this reason.
    Again(String),
    /// It was aborted, or is not known any more.
    Lost,
}

impl Prepared {
    /// Commits it, or finds that it was. Blocks.
    fn commit(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let outcome = match self.try_commit() {
                Ok(outcome) => outcome,
                Err(error) => Outcome::Again(error.to_string()),
            };
            match outcome {
                Outcome::Committed => return Ok(()),
                Outcome::Again(why) if began.elapsed() > COMMIT_TIMEOUT => {
                    return Err(Error::external(self.committing(), why));
                }
                Outcome::Again(_) => std::thread::sleep(RETRY),
                Outcome::Lost => {
                    return Err(Error::user(format!(
                        "{}: the brokers have aborted it, since it was open for longer than \
                         transaction.timeout.ms, and its messages are lost; set \
                         'properties.transaction.timeout.ms' to more than the job can be away, up to \
                         transaction.max.timeout.ms of the brokers, and start the job from an earlier \
                         savepoint",
                        self.committing()
                    )));
                }
            }
        }
    }

    fn committing(&self) -> String {
        format!(
            "committing transaction {} of topic {} at the Kafka brokers {}",
            self.transactional_id, self.topic, self.brokers
        )
    }

    fn try_commit(&self) -> std::io::Result<Outcome> {
        let producer = (self.producer_id, self.producer_epoch);
        let commit = |connection: &mut Connection, id: &str| connection.commit(id, producer);
        let again = |code: Code| Outcome::Again(format!("the brokers answer with error {code}"));
        Ok(match self.ask(commit)? {
            Ok(()) => Outcome::Committed,
            Err(code) if NO_TRANSACTION.contains(&code) => Outcome::Lost,
            Err(code) if FENCED.contains(&code) => match self.ask(Connection::describe)? {
                Ok(now) => self.became(&now),
                Err(code) => again(code),
            },
            // The coordinator is about to be another one, or is still busy with the id.
            Err(code) => again(code),
        })
    }

    /// What became of it when its id is like that, and no longer of its epoch.
    fn became(&self, now: &Described) -> Outcome {
        // Brokers that abort a transaction raise the epoch. So does whoever uses the id again, which
        // happens only after the transaction was committed, and an abort of that one raises it once more.
        let is_next = now.producer_id == self.producer_id
            && now.producer_epoch == self.producer_epoch.wrapping_add(1);
        let is_aborted = ABORTED.contains(&now.state.as_str());
        if is_next && is_aborted { Outcome::Lost } else { Outcome::Committed }
    }

    fn ask<T>(&self, ask: impl Fn(&mut Connection, &str) -> Answer<T>) -> Answer<T> {
        ask_coordinator(&self.brokers, &self.transactional_id, ask)
    }
}

/// Aborts the transactions of a sink that attempts below `attempt` have left open; how many.
pub(super) async fn abort_abandoned(
    settings: Settings,
    prefix: &str,
    uid: &OperatorUid,
    attempt: Attempt,
    env: &Env,
) -> Result<usize> {
    let ids = ids_of(prefix, uid);
    blocking(env, "kafka-abort", move || {
        let is_old = |id: &str| attempt_of(id, &ids).is_some_and(|of| of < attempt.get());
        let mut aborted = 0;
        for broker in brokers(&settings)? {
            let listed = Connection::open(&broker).and_then(|mut connection| connection.list());
            let listed = listed.map_err(|error| {
                Error::external(format!("listing the transactions of Kafka broker {broker}"), error)
            })?;
            let listed = listed.map_err(|code| {
                let action = format!("listing the transactions of Kafka broker {broker}");
                Error::external(action, format!("it answers {code}"))
            })?;
            let open = listed.iter().filter(|(_, state)| !ENDED.contains(&state.as_str()));
            for (id, _) in open.filter(|(id, _)| is_old(id)) {
                // Whoever takes an id over aborts its transaction.
                let client = Client::open(&settings, &Doorbell::new(), Some(id))?;
                client
                    .producer
                    .init_transactions(ANSWER_TIMEOUT)
                    .map_err(|error| failed(&settings, "aborting a transaction of", error))?;
                aborted += 1;
            }
        }
        Ok(aborted)
    })
    .await
}

/// The attempt that uses a transactional id, if it begins with `ids` and is one of that sink's: the uid
/// of another may go on where this one's ends.
fn attempt_of(id: &str, ids: &str) -> Option<u64> {
    let parts: Option<Vec<u64>> =
        id.strip_prefix(ids)?.split('-').map(|part| part.parse().ok()).collect();
    match parts?[..] {
        [attempt, _subtask, _slot] => Some(attempt),
        _ => None,
    }
}

/// The addresses of all brokers.
fn brokers(settings: &Settings) -> Result<Vec<String>> {
    let client = Client::open(settings, &Doorbell::new(), None)?;
    let metadata = client
        .producer
        .client()
        .fetch_metadata(Some(&settings.topic), ANSWER_TIMEOUT)
        .map_err(|error| failed(settings, "looking up", error))?;
    let address =
        |broker: &rdkafka::metadata::MetadataBroker| format!("{}:{}", broker.host(), broker.port());
    Ok(metadata.brokers().iter().map(address).collect())
}

#[cfg(test)]
mod tests;
