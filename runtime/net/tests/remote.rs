//! Channels and control streams between two ends on the loopback interface.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "clippy's exception covers #[test] functions, not their helpers"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use sabot_core::Element;
use sabot_net::{
    ChannelId, ControlLink, Exchange, NetError, Receiver, Sender, Server, TryRecv, TrySendError,
    channel, connect_control, stream_to,
};
use sabot_types::{Attempt, Epoch, EventTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const ID: ChannelId = ChannelId { edge: 1, from: 0, to: 1 };
const ATTEMPT: Attempt = Attempt::new(3);
const LIMIT: Duration = Duration::from_secs(20);

struct Peer {
    exchange: Arc<Exchange>,
    addr: SocketAddr,
    control: mpsc::Receiver<ControlLink>,
    shutdown: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), NetError>>,
}

async fn peer() -> Peer {
    let exchange = Exchange::new();
    let (acceptor, control) = mpsc::channel(4);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(any, exchange.clone(), acceptor).await.unwrap();
    let addr = server.local_addr();
    let (shutdown, stopped) = oneshot::channel();
    let serving = tokio::spawn(server.serve(async {
        let _ = stopped.await;
    }));
    Peer { exchange, addr, control, shutdown: Some(shutdown), serving }
}

impl Peer {
    /// A channel into the peer: the sending end here, the stream, the receiving end there.
    fn open(&self, id: ChannelId, limit: usize) -> (Sender, Stream, Receiver) {
        self.open_by(self.addr, id, limit)
    }

    fn open_by(&self, addr: SocketAddr, id: ChannelId, limit: usize) -> (Sender, Stream, Receiver) {
        let (remote_sender, remote_receiver) = channel(limit);
        self.exchange.register(ATTEMPT, id, remote_sender);
        let (sender, receiver) = channel(limit);
        let stream =
            tokio::spawn(async move { stream_to(&addr.to_string(), ATTEMPT, id, receiver).await });
        (sender, stream, remote_receiver)
    }
}

type Stream = JoinHandle<Result<(), NetError>>;

fn batch(first: i64, rows: i64) -> Element {
    let numbers = Int64Array::from_iter_values(first..first + rows);
    let texts = StringArray::from_iter_values((first..first + rows).map(|n| format!("row {n}")));
    let columns = [("n", Arc::new(numbers) as ArrayRef), ("text", Arc::new(texts) as ArrayRef)];
    Element::Batch(RecordBatch::try_from_iter(columns).unwrap())
}

async fn next(receiver: &Receiver) -> Option<Element> {
    timeout(LIMIT, receiver.recv()).await.expect("an element in time")
}

async fn ended(stream: Stream) -> Result<(), NetError> {
    timeout(LIMIT, stream).await.expect("the stream ends in time").unwrap()
}

fn chain(error: &NetError) -> String {
    sabot_core::Error::external("x", std::io::Error::other(error.to_string())).chain()
        + &std::error::Error::source(error).map(|s| format!(": {s}")).unwrap_or_default()
}

#[tokio::test]
async fn elements_arrive_in_order_and_whole() {
    let peer = peer().await;
    let (sender, stream, receiver) = peer.open(ID, 1 << 16);
    let sending = tokio::spawn(async move {
        for i in 0..200 {
            sender.send(batch(i * 100, 100)).await.unwrap();
            sender.send(Element::Watermark(EventTime::from_millis(i))).await.unwrap();
            sender.send(Element::Barrier(Epoch::new(i as u64))).await.unwrap();
        }
        sender.send(Element::End).await.unwrap();
    });
    for i in 0..200 {
        let Some(Element::Batch(rows)) = next(&receiver).await else { panic!("batch {i}") };
        let Element::Batch(expected) = batch(i * 100, 100) else { unreachable!() };
        assert_eq!(rows, expected);
        assert!(
            matches!(next(&receiver).await, Some(Element::Watermark(t)) if t.millis() == i),
            "watermark {i}"
        );
        assert!(
            matches!(next(&receiver).await, Some(Element::Barrier(e)) if e.get() == i as u64),
            "barrier {i}"
        );
    }
    assert!(matches!(next(&receiver).await, Some(Element::End)));
    assert!(next(&receiver).await.is_none());
    sending.await.unwrap();
    ended(stream).await.unwrap();
}

#[tokio::test]
async fn a_large_batch_arrives_in_pieces() {
    let peer = peer().await;
    let (sender, stream, receiver) = peer.open(ID, 1 << 20);
    sender.try_send(batch(0, 1_500_000)).unwrap();
    sender.try_send(Element::End).unwrap();
    let mut rows = 0;
    while let Some(Element::Batch(piece)) = next(&receiver).await {
        assert_eq!(piece.column(0).as_primitive::<Int64Type>().value(0), rows);
        rows += piece.num_rows() as i64;
    }
    assert_eq!(rows, 1_500_000);
    ended(stream).await.unwrap();
}

/// Sends until nothing has been taken for a while; the bytes that were.
async fn fill(sender: &Sender) -> usize {
    let (mut bytes, mut last) = (0, Instant::now());
    while last.elapsed() < Duration::from_millis(500) {
        let element = batch(0, 4096);
        let size = element.bytes();
        match sender.try_send(element) {
            Ok(()) => (bytes, last) = (bytes + size, Instant::now()),
            Err(TrySendError::Full(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(TrySendError::Closed(_)) => panic!("the channel was closed"),
        }
    }
    bytes
}

#[tokio::test]
async fn a_reader_that_stops_holds_up_the_sender_within_a_bound() {
    let peer = peer().await;
    let limit = 256 << 10;
    let (sender, stream, receiver) = peer.open(ID, limit);
    let bytes = fill(&sender).await;
    assert!(bytes < 2 * limit + (5 << 20), "{bytes} bytes are in flight");
    assert!(receiver.len_bytes() < 2 * limit);

    sender.try_send(Element::End).unwrap();
    while !matches!(next(&receiver).await, Some(Element::End)) {}
    ended(stream).await.unwrap();
}

#[tokio::test]
async fn a_channel_that_is_stopped_for_good_starves_no_other() {
    let peer = peer().await;
    let stopped: Vec<_> =
        (10..14).map(|from| peer.open(ChannelId { edge: 1, from, to: 1 }, 64 << 10)).collect();
    for (sender, _, _) in &stopped {
        fill(sender).await;
        sender.try_send(Element::Barrier(Epoch::new(1))).unwrap();
    }
    let (sender, stream, receiver) = peer.open(ID, 64 << 10);
    let sending = tokio::spawn(async move {
        for i in 0..100 {
            sender.send(batch(0, 4096)).await.unwrap();
            sender.send(Element::Barrier(Epoch::new(i))).await.unwrap();
        }
        sender.send(Element::End).await.unwrap();
    });
    let mut barriers = 0;
    loop {
        match next(&receiver).await {
            Some(Element::Barrier(_)) => barriers += 1,
            Some(Element::End) => break,
            Some(_) => {}
            None => panic!("cut"),
        }
    }
    assert_eq!(barriers, 100);
    sending.await.unwrap();
    ended(stream).await.unwrap();
    assert!(stopped.iter().all(|(_, stream, _)| !stream.is_finished()));
}

#[tokio::test]
async fn a_stale_attempt_is_refused() {
    let peer = peer().await;
    let (sender, stream, receiver) = peer.open(ID, 1000);
    sender.try_send(batch(0, 1)).unwrap();
    assert!(matches!(next(&receiver).await, Some(Element::Batch(_))));

    peer.exchange.retire(ATTEMPT.next());
    let error = ended(stream).await.unwrap_err();
    assert!(next(&receiver).await.is_none(), "the running stream is closed without an end");
    assert!(
        chain(&error).contains("attempt 3 is over: this process is at attempt 4"),
        "{}",
        chain(&error)
    );
    assert!(matches!(sender.try_send(Element::End), Err(TrySendError::Closed(_))));

    let (_sender, late, receiver) = peer.open(ID, 1000);
    let error = ended(late).await.unwrap_err();
    assert!(error.to_string().starts_with("streaming channel 1:0->1 of attempt 3 to 127.0.0.1:"));
    assert!(matches!(receiver.try_recv(), TryRecv::Closed));
}

#[tokio::test]
async fn a_sender_that_is_dropped_before_the_end_cuts_the_channel() {
    let peer = peer().await;
    let (sender, stream, receiver) = peer.open(ID, 1000);
    sender.try_send(batch(0, 1)).unwrap();
    drop(sender);
    assert!(matches!(next(&receiver).await, Some(Element::Batch(_))));
    assert!(next(&receiver).await.is_none());
    assert!(matches!(ended(stream).await, Err(NetError::Unfinished { .. })));
}

#[tokio::test]
async fn a_reader_that_is_gone_closes_the_sender() {
    let peer = peer().await;
    let (sender, stream, receiver) = peer.open(ID, 1000);
    drop(receiver);
    sender.try_send(batch(0, 1)).unwrap();
    let error = ended(stream).await.unwrap_err();
    assert!(chain(&error).contains("the receiver of the channel is gone"), "{}", chain(&error));
    assert!(matches!(sender.try_send(batch(0, 1)), Err(TrySendError::Closed(_))));
}

/// Forwards connections to `to` until told: `Silent` keeps them open without a word.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Line {
    Up,
    Silent,
    Broken,
}

async fn proxy(to: SocketAddr) -> (SocketAddr, watch::Sender<Line>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (line, state) = watch::channel(Line::Up);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = TcpStream::connect(to).await.unwrap().into_split();
            tokio::spawn(forward(from_client, to_server, state.clone()));
            tokio::spawn(forward(from_server, to_client, state.clone()));
        }
    });
    (addr, line)
}

async fn forward(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        tokio::select! {
            () = reached(&mut line, |line| line != Line::Up) => break,
            read = from.read(&mut buffer) => match read {
                Ok(0) | Err(_) => return,
                Ok(n) => if to.write_all(&buffer[..n]).await.is_err() { return },
            },
        }
    }
    reached(&mut line, |line| line == Line::Broken).await;
}

async fn reached(line: &mut watch::Receiver<Line>, state: impl Fn(Line) -> bool) {
    let _ = line.wait_for(|line| state(*line)).await;
}

#[tokio::test]
async fn a_peer_whose_connection_breaks_is_noticed_by_both_ends() {
    let peer = peer().await;
    let (addr, line) = proxy(peer.addr).await;
    let (sender, stream, receiver) = peer.open_by(addr, ID, 1000);
    sender.try_send(batch(0, 1)).unwrap();
    assert!(matches!(next(&receiver).await, Some(Element::Batch(_))));
    line.send_replace(Line::Broken);
    let start = Instant::now();
    assert!(matches!(ended(stream).await, Err(NetError::Channel { .. })));
    assert!(next(&receiver).await.is_none());
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(matches!(sender.try_send(batch(0, 1)), Err(TrySendError::Closed(_))));
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_noticed_by_both_ends_within_seconds() {
    let mut peer = peer().await;
    let (addr, line) = proxy(peer.addr).await;
    let (sender, stream, receiver) = peer.open_by(addr, ID, 1000);
    let mut worker = connect_control(&addr.to_string()).await.unwrap();
    let mut coordinator = peer.control.recv().await.unwrap();
    sender.try_send(batch(0, 1)).unwrap();
    assert!(matches!(next(&receiver).await, Some(Element::Batch(_))));

    line.send_replace(Line::Silent);
    let start = Instant::now();
    assert!(matches!(ended(stream).await, Err(NetError::Channel { .. })));
    assert!(next(&receiver).await.is_none());
    assert!(timeout(LIMIT, worker.rx.recv()).await.unwrap().is_none());
    assert!(timeout(LIMIT, coordinator.rx.recv()).await.unwrap().is_none());
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[tokio::test]
async fn nobody_at_the_address_is_an_error_that_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = connect_control(&addr).await.unwrap_err();
    assert_eq!(error.to_string(), format!("connecting to {addr} failed"));
    let error = connect_control("no address").await.unwrap_err();
    assert!(matches!(error, NetError::Address { .. }));
}

#[tokio::test]
async fn control_frames_go_both_ways_in_order() {
    let mut peer = peer().await;
    let mut worker = connect_control(&peer.addr.to_string()).await.unwrap();
    let mut coordinator = timeout(LIMIT, peer.control.recv()).await.unwrap().unwrap();
    let large = Bytes::from(vec![7; 20 << 20]);
    for i in 0..100 {
        worker.tx.send(Bytes::from(format!("to {i}"))).await.unwrap();
        coordinator.tx.send(Bytes::from(format!("from {i}"))).await.unwrap();
        assert_eq!(coordinator.rx.recv().await.unwrap(), format!("to {i}"));
        assert_eq!(worker.rx.recv().await.unwrap(), format!("from {i}"));
    }
    worker.tx.send(large.clone()).await.unwrap();
    assert_eq!(timeout(LIMIT, coordinator.rx.recv()).await.unwrap().unwrap(), large);
}

#[tokio::test]
async fn dropping_a_control_link_ends_the_other_end() {
    let mut peer = peer().await;
    let worker = connect_control(&peer.addr.to_string()).await.unwrap();
    let mut coordinator = peer.control.recv().await.unwrap();
    worker.tx.send(Bytes::from_static(b"last words")).await.unwrap();
    drop(worker);
    assert_eq!(coordinator.rx.recv().await.unwrap(), "last words");
    assert!(timeout(LIMIT, coordinator.rx.recv()).await.unwrap().is_none());

    let mut worker = connect_control(&peer.addr.to_string()).await.unwrap();
    let coordinator = peer.control.recv().await.unwrap();
    coordinator.tx.send(Bytes::from_static(b"stop")).await.unwrap();
    drop(coordinator);
    assert_eq!(timeout(LIMIT, worker.rx.recv()).await.unwrap().unwrap(), "stop");
    assert!(timeout(LIMIT, worker.rx.recv()).await.unwrap().is_none());
    timeout(LIMIT, worker.tx.closed()).await.expect("sending fails once the peer is gone");
}

#[tokio::test]
async fn a_process_without_coordinator_refuses_control_streams() {
    let mut peer = peer().await;
    peer.control.close();
    let error = connect_control(&peer.addr.to_string()).await.unwrap_err();
    assert!(chain(&error).contains("this process runs no coordinator"), "{}", chain(&error));
}

#[tokio::test]
async fn a_shutdown_ends_all_streams() {
    let mut peer = peer().await;
    let (sender, stream, receiver) = peer.open(ID, 1000);
    let mut worker = connect_control(&peer.addr.to_string()).await.unwrap();
    let mut coordinator = peer.control.recv().await.unwrap();
    sender.try_send(batch(0, 1)).unwrap();
    assert!(matches!(next(&receiver).await, Some(Element::Batch(_))));
    peer.shutdown.take().unwrap().send(()).unwrap();
    assert!(matches!(ended(stream).await, Err(NetError::Channel { .. })));
    assert!(timeout(LIMIT, worker.rx.recv()).await.unwrap().is_none());
    assert!(timeout(LIMIT, coordinator.rx.recv()).await.unwrap().is_none());
    timeout(LIMIT, peer.serving).await.unwrap().unwrap().unwrap();
}
