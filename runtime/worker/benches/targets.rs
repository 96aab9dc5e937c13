//! State against its targets: reading and writing it, and checkpoints of 1 GB and more. Part of
//! `make bench-targets`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::BinaryArray;
use sabot_core::state::{
    Namespace, StateBackend, StateField, StateHandle, StateSpec, ValueEncoding,
};
use sabot_core::store::ObjectStore;
use sabot_core::{Env, Result, SeededRandom, SystemClock, TokioTasks};
use sabot_snapshot::save::{Saved, SlotAt, save};
use sabot_snapshot::store::{LocalStore, S3Config, UriStores};
use sabot_state::{Backend, open};
use sabot_types::key_hash::mixed;
use sabot_types::{Attempt, Epoch, KeyGroup, OperatorUid};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of a batched call.
const BATCH: usize = 4096;
const MIB: f64 = (1 << 20) as f64;
/// What a row of 108 bytes takes at most in RocksDB's memory.
const BYTES_IN_MEMORY: u64 = 256;
/// Bytes of a value of which single operations are measured, and of one that is a count.
const ROW_BYTES: usize = 100;
const COUNT_BYTES: usize = 8;
/// Bytes of a value in the checkpoints.
const VALUE_BYTES: usize = 1024;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    // Cargo runs benchmarks as tests, too.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let dir = tempfile::tempdir_in(setting("DIR").unwrap_or_else(|| "/var/tmp".to_owned()))?;
    let keys = number("KEYS", 1_000_000)?;
    let gigabytes = number("GB", 1)?;
    // First, while the process is small.
    match number("BIG_GB", 4)? {
        0 => {}
        gigabytes => beyond_memory(dir.path(), gigabytes)?,
    }
    println!("state, {keys} keys of 8 bytes with values of {ROW_BYTES} bytes");
    let mut nothing: Vec<_> = (0..100_000).map(|_| Instant::now().elapsed()).collect();
    report("the clock itself, part of the figures of one at a time", &mut nothing, 1, None);
    drop(nothing);
    random_reads();
    let targets = Targets { one: 100.0, many: Some(60.0), get_p50: None };
    for bytes in [ROW_BYTES, COUNT_BYTES] {
        let name = format!("memory, values of {bytes} bytes");
        operations(&name, &mut *open(Backend::Memory)?, (keys, bytes), targets)?;
    }
    let cache_size_mb = number("CACHE_MB", 512)?;
    let holding_mb = 512 + keys * BYTES_IN_MEMORY / (1 << 20);
    let rocksdb = |cache_size_mb| Backend::RocksDb { dir: dir.path().join("db"), cache_size_mb };
    let targets = Targets { one: 1_000_000.0, many: None, get_p50: Some(5_000.0) };
    for (cache_size_mb, what) in [(cache_size_mb, ""), (holding_mb, ", which hold the state")] {
        let name = format!("rocksdb with {cache_size_mb} MB{what}");
        operations(&name, &mut *open(rocksdb(cache_size_mb))?, (keys, ROW_BYTES), targets)?;
    }
    if gigabytes == 0 {
        return Ok(());
    }
    checkpoints(&mut *open(rocksdb(cache_size_mb))?, dir.path(), gigabytes)
}

fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number(name: &str, default: u64) -> Result<u64, Failure> {
    let Some(value) = setting(name) else { return Ok(default) };
    value.parse().map_err(|_| format!("{name}={value} is not a whole number").into())
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }
}

/// Keys by their numbers, spread over all key groups.
struct Keys {
    groups: Vec<KeyGroup>,
    bytes: BinaryArray,
}

impl Keys {
    fn of(numbers: impl Iterator<Item = u64> + Clone) -> Self {
        let group = |number: u64| KeyGroup::new((Dice(number).next() % 128) as u16);
        Self {
            groups: numbers.clone().map(group).collect(),
            bytes: BinaryArray::from_iter_values(numbers.map(u64::to_be_bytes)),
        }
    }
}

fn values(dice: &mut Dice, rows: usize, bytes: usize) -> BinaryArray {
    let mut value = vec![0; bytes];
    let mut next = || {
        for part in value.chunks_mut(8) {
            let random = dice.next().to_le_bytes();
            part.copy_from_slice(&random[..part.len()]);
        }
        value.clone()
    };
    BinaryArray::from_iter_values((0..rows).map(|_| next()))
}

fn opened(backend: &mut dyn StateBackend) -> Result<StateHandle> {
    let field = |name: &str| StateField { name: name.to_owned(), data_type: "Binary".to_owned() };
    backend.open(&StateSpec {
        operator: OperatorUid::new("targets").expect("the uid is valid"),
        name: "state".to_owned(),
        key: vec![field("key")],
        value: vec![field("value")],
        namespace: "none".to_owned(),
        ttl_ms: None,
        encoding: ValueEncoding::Sortable,
    })
}

fn fill(backend: &mut dyn StateBackend, state: StateHandle, keys: u64, bytes: usize) -> Result<()> {
    let mut dice = Dice(1);
    let began = Instant::now();
    for (batch, start) in (0..keys).step_by(BATCH).enumerate() {
        let rows = Keys::of(start..keys.min(start + BATCH as u64));
        let values = values(&mut dice, rows.groups.len(), bytes);
        backend.put(state, Namespace::ONLY, &rows.groups, &rows.bytes, &values)?;
        if batch % 64 == 0 {
            progress("filling", start, keys, began);
        }
    }
    progress("filling", keys, keys, began);
    println!();
    Ok(())
}

fn progress(what: &str, done: u64, all: u64, began: Instant) {
    let percent = done * 100 / all.max(1);
    print!("\r  {what}: {percent} % of {all} rows, {:.0} s ", began.elapsed().as_secs_f64());
    let _ = std::io::stdout().flush();
}

/// The time of a read of memory at random: where it is depends on the one before, of as many chains
/// as are followed at once. No table that is larger than the cache answers alone in less than the
/// first figure, nor many in less than the last.
fn random_reads() {
    const MIB: usize = 256;
    /// Words of a line of the cache.
    const LINE: usize = 16;
    let lines = (MIB << 20) / (LINE * size_of::<u32>());
    let mut dice = Dice(6);
    let mut order: Vec<u32> = (0..lines as u32).map(|line| line * LINE as u32).collect();
    for last in (1..lines).rev() {
        order.swap(last, (dice.next() % (last as u64 + 1)) as usize);
    }
    let mut memory = vec![0; lines * LINE];
    for (at, here) in order.iter().enumerate() {
        memory[*here as usize] = order[(at + 1) % lines];
    }
    let follow = [follow::<1>, follow::<8>, follow::<16>, follow::<32>];
    for (follow, chains) in follow.into_iter().zip([1, 8, 16, 32]) {
        let mut times: Vec<_> = (0..5).map(|round| follow(&memory, &order, round)).collect();
        let what = format!("a random read of {MIB} MiB, {chains} at once");
        report(&what, &mut times, READS, None);
    }
}

/// Reads of each round of [`follow`].
const READS: usize = 1 << 20;

fn follow<const CHAINS: usize>(memory: &[u32], order: &[u32], round: usize) -> Duration {
    let start = |chain: usize| order[(chain * order.len() / CHAINS + round * 7919) % order.len()];
    let mut at: [u32; CHAINS] = std::array::from_fn(start);
    let began = Instant::now();
    for _ in 0..READS / CHAINS {
        for at in &mut at {
            *at = memory[*at as usize];
        }
    }
    std::hint::black_box(at);
    began.elapsed()
}

/// What an operation may take, in nanoseconds. A mean: a write may wait for others and then be paid with them.
#[derive(Clone, Copy)]
struct Targets {
    /// Of one at a time.
    one: f64,
    /// Of each of many at a time.
    many: Option<f64>,
    /// What half of the reads that come alone take.
    get_p50: Option<f64>,
}

/// Single and batched reads and writes at random.
fn operations(
    name: &str,
    backend: &mut dyn StateBackend,
    (keys, bytes): (u64, usize),
    targets: Targets,
) -> Result<(), Failure> {
    const SINGLES: usize = 200_000;
    const BLOCKS: usize = 2_000;
    const BLOCK: usize = 64;
    const BATCHES: usize = 200;
    println!("{name}:");
    let state = opened(backend)?;
    fill(backend, state, keys, bytes)?;
    let mut dice = Dice(2);
    for write in [false, true] {
        let action = if write { "put" } else { "get" };
        let mut times = Vec::with_capacity(SINGLES);
        let value = values(&mut dice, 1, bytes);
        for _ in 0..SINGLES {
            let key = Keys::of(std::iter::once(dice.next() % keys));
            let began = Instant::now();
            if write {
                backend.put(state, Namespace::ONLY, &key.groups, &key.bytes, &value)?;
            } else {
                let found = backend.get(state, Namespace::ONLY, &key.groups, &key.bytes)?;
                assert_eq!(found.iter().flatten().count(), 1, "every key was put");
            }
            times.push(began.elapsed());
        }
        report(&format!("{action}, one at a time"), &mut times, 1, Some(targets.one));
        if let Some(target) = targets.get_p50.filter(|_| !write) {
            let p50 = times[times.len() / 2].as_nanos() as f64;
            println!("    its p50: {p50:.0} ns{}", verdict(p50, target, "ns"));
        }
        // The same without the clock between them, and with the keys at hand.
        let mut times = Vec::with_capacity(BLOCKS);
        for _ in 0..BLOCKS {
            let mut key = || Keys::of(std::iter::once(dice.next() % keys));
            let block: Vec<Keys> = (0..BLOCK).map(|_| key()).collect();
            let began = Instant::now();
            for key in &block {
                if write {
                    backend.put(state, Namespace::ONLY, &key.groups, &key.bytes, &value)?;
                } else {
                    backend.get(state, Namespace::ONLY, &key.groups, &key.bytes)?;
                }
            }
            times.push(began.elapsed());
        }
        report(&format!("{action}, one at a time, {BLOCK} calls"), &mut times, BLOCK, None);
        let values = values(&mut dice, BATCH, bytes);
        let mut times = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            let numbers: Vec<u64> = (0..BATCH).map(|_| dice.next() % keys).collect();
            let rows = Keys::of(numbers.iter().copied());
            let began = Instant::now();
            if write {
                backend.put(state, Namespace::ONLY, &rows.groups, &rows.bytes, &values)?;
            } else {
                backend.get(state, Namespace::ONLY, &rows.groups, &rows.bytes)?;
            }
            times.push(began.elapsed());
        }
        report(&format!("{action}, {BATCH} at a time"), &mut times, BATCH, targets.many);
    }
    Ok(())
}

fn report(what: &str, times: &mut [Duration], rows: usize, target_ns: Option<f64>) {
    let mean = times.iter().sum::<Duration>().as_nanos() as f64 / (times.len() * rows) as f64;
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() - 1) as f64 * share).round() as usize;
        times[index].as_nanos() as f64 / rows as f64
    };
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(at);
    let verdict = target_ns.map_or(String::new(), |target| verdict(mean, target, "ns"));
    println!(
        "  {what}: mean {mean:.0} ns, p50 {p50:.0} ns, p99 {p99:.0} ns, p99.9 {p999:.0} ns a row\
         {verdict}"
    );
}

fn verdict(value: f64, at_most: f64, unit: &str) -> String {
    let word = if value <= at_most { "pass" } else { "MISS" };
    format!("  [{word}: at most {at_most} {unit}]")
}

/// A state of so many GB with little memory: what reading and writing a row at random costs beside
/// a state that fits, and the memory that it takes.
fn beyond_memory(dir: &Path, gigabytes: u64) -> Result<(), Failure> {
    const BUDGET_MB: u64 = 512;
    const FITS_MB: u64 = 256;
    const BATCHES: usize = 400;
    println!(
        "a state of {gigabytes} GB in RocksDB with {BUDGET_MB} MB, values of {VALUE_BYTES} bytes"
    );
    let mut costs = Vec::new();
    for megabytes in [FITS_MB, gigabytes * 1000] {
        let dir = dir.join(format!("{megabytes}-mb"));
        let backend = &mut *open(Backend::RocksDb { dir, cache_size_mb: BUDGET_MB })?;
        let state = opened(backend)?;
        let keys = megabytes * 1_000_000 / VALUE_BYTES as u64;
        fill(backend, state, keys, VALUE_BYTES)?;
        let mut dice = Dice(5);
        let values = values(&mut dice, BATCH, VALUE_BYTES);
        let mut times = Vec::with_capacity(BATCHES);
        for _ in 0..BATCHES {
            let numbers: Vec<u64> = (0..BATCH).map(|_| dice.next() % keys).collect();
            let rows = Keys::of(numbers.iter().copied());
            let began = Instant::now();
            backend.get(state, Namespace::ONLY, &rows.groups, &rows.bytes)?;
            backend.put(state, Namespace::ONLY, &rows.groups, &rows.bytes, &values)?;
            times.push(began.elapsed());
        }
        report(&format!("get and put, {megabytes} MB, {BATCH} at a time"), &mut times, BATCH, None);
        costs.push(times.iter().sum::<Duration>().as_secs_f64());
    }
    let ratio = costs[1] / costs[0];
    println!("  {ratio:.1} times the cost of a state that fits{}", verdict(ratio, 3.0, "times"));
    let peak = peak_resident_mb()?;
    // The benchmark's own batches are in it.
    println!("  {peak:.0} MB resident at the most{}", verdict(peak, BUDGET_MB as f64 * 1.05, "MB"));
    Ok(())
}

fn peak_resident_mb() -> Result<f64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    Ok(kilobytes.ok_or("the system does not tell the peak of memory")?.trim().parse::<f64>()? / 1e3)
}

/// What the process, its threads together, took of the processors until now.
fn cpu_seconds() -> Result<f64, Failure> {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // Behind the name, which may contain spaces: user and system time are the 12th and 13th.
    let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
    let times: Vec<f64> = behind.split(' ').skip(11).take(2).flat_map(str::parse).collect();
    Ok(times.iter().sum::<f64>() / TICKS)
}

/// Checkpoints of a state of so many GB, all of it and after 1 % of the rows changed, against
/// what the disk can do.
fn checkpoints(backend: &mut dyn StateBackend, dir: &Path, gigabytes: u64) -> Result<(), Failure> {
    let keys = gigabytes * 1_000_000_000 / VALUE_BYTES as u64;
    println!("checkpoints, {keys} keys with values of {VALUE_BYTES} bytes, rocksdb");
    let state = opened(backend)?;
    fill(backend, state, keys, VALUE_BYTES)?;
    let disk = disk_bandwidth(dir)?;
    println!("  the disk writes {disk:.0} MiB/s");

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let store: Arc<dyn ObjectStore> = Arc::new(LocalStore::new(dir.join("store"))?);
    let mut epoch = 0;
    let mut checkpoint = |backend: &mut dyn StateBackend, known: Option<Saved>| {
        epoch += 1;
        let began = Instant::now();
        let frozen = backend.freeze(state)?;
        let freeze = began.elapsed();
        let at = SlotAt { attempt: Attempt::new(1), epoch: Epoch::new(epoch), slot: 0 };
        let saved = runtime.block_on(async {
            let env = environment(dir.to_owned());
            save(&env, &store, at, vec![frozen], known).await
        })?;
        let of_epoch = saved.segments.iter().filter(|segment| segment.epoch.get() == epoch);
        let bytes: u64 = of_epoch.map(|segment| segment.size).sum();
        Ok::<_, Failure>((saved, freeze, began.elapsed(), bytes))
    };
    let cpu = cpu_seconds()?;
    let (saved, freeze, took, bytes) = checkpoint(backend, None)?;
    let cpu = (cpu_seconds()? - cpu) / (bytes as f64 / 1e9);
    let rate = bytes as f64 / MIB / took.as_secs_f64();
    let word = if rate >= 0.8 * disk { "pass" } else { "MISS" };
    println!(
        "  all of it: {:.2} s, {:.0} MiB, {rate:.0} MiB/s, {cpu:.1} CPU seconds a GB with what the \
         database merges meanwhile, frozen in {freeze:?}  [{word}: at least 80 % of the disk, \
         {:.0} %]",
        took.as_secs_f64(),
        bytes as f64 / MIB,
        rate / disk * 100.0
    );
    let mut dice = Dice(3);
    let changed = keys / 100;
    for start in (0..changed).step_by(BATCH) {
        let rows = changed.min(start + BATCH as u64) - start;
        let numbers: Vec<u64> = (0..rows).map(|_| dice.next() % keys).collect();
        let rows = Keys::of(numbers.iter().copied());
        let values = values(&mut dice, rows.groups.len(), VALUE_BYTES);
        backend.put(state, Namespace::ONLY, &rows.groups, &rows.bytes, &values)?;
    }
    let (_, freeze, took, bytes) = checkpoint(backend, Some(saved))?;
    println!(
        "  after 1 % of changes: {:.2} s, {:.0} MiB, frozen in {freeze:?}{}",
        took.as_secs_f64(),
        bytes as f64 / MIB,
        verdict(took.as_secs_f64(), 5.0, "s")
    );
    Ok(())
}

/// MiB a second of large sequential writes, made durable.
fn disk_bandwidth(dir: &Path) -> Result<f64, Failure> {
    const BYTES: usize = 1 << 30;
    let mut dice = Dice(4);
    let block: Vec<u8> = (0..(16 << 20) / 8).flat_map(|_| dice.next().to_le_bytes()).collect();
    let path = dir.join("bandwidth");
    let began = Instant::now();
    let mut file = std::fs::File::create(&path)?;
    for _ in 0..BYTES / block.len() {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let rate = BYTES as f64 / MIB / began.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(rate)
}

fn environment(local_dir: PathBuf) -> Env {
    Env {
        clock: Arc::new(SystemClock::default()),
        random: Arc::new(SeededRandom::new(1)),
        tasks: Arc::new(TokioTasks::current()),
        stores: Arc::new(UriStores::new(S3Config::default())),
        local_dir,
    }
}
