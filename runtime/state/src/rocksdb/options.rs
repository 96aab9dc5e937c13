//! How the database is set up. All memory that grows with the state comes out of one budget.

use ::rocksdb::{
    BlockBasedOptions, Cache, DBCompressionType, LogLevel, Options, ReadOptions, SliceTransform,
    WriteBufferManager,
};

use sabot_core::{Error, Result};

use super::layout::FILTERED_BYTES;

const MIB: u64 = 1 << 20;
const LEVELS: usize = 7;
/// Level 0 is merged into the next one when it has so many files.
const LEVEL_0_FILES: i32 = 4;
/// What the allocator and files that are read and merged take besides, with budgets that are large.
const BESIDE_BYTES: u64 = 224 * MIB;
/// Of what memory there is beyond this half is for rows that wait.
const WITHOUT_WAITING_BYTES: u64 = 448 * MIB;
/// The database goes with its process, so what is in memory at its end is not written. A row's
/// place is looked for beside that of the last row of the same state: rows come sorted.
const WITHOUT_SETTERS: &str = "avoid_flush_during_shutdown=true;\
    memtable_insert_with_hint_prefix_extractor=fixed:2";

/// How much may wait to be written, out of all memory: little of a small one, up to a GiB.
pub(super) fn waiting_bytes_max(cache_size_mb: u64) -> usize {
    let all = cache_size_mb * MIB;
    (all.saturating_sub(WITHOUT_WAITING_BYTES) / 2).max(all / 16).min(1024 * MIB) as usize
}

/// Options for a database whose block cache and write buffers, and what waits to be written, take
/// `cache_size_mb` together.
pub(super) fn database(cache_size_mb: u64) -> Result<Options> {
    let all = cache_size_mb.max(8) * MIB;
    let beside = (all / 16 * 7).min(BESIDE_BYTES);
    let budget = (all - beside) as usize - waiting_bytes_max(cache_size_mb);
    let write_buffers = budget / 2;
    let cache = Cache::new_lru_cache(budget);
    // Write buffers are charged to the cache: what they do not use, blocks may.
    let manager = WriteBufferManager::new_write_buffer_manager_with_cache(
        write_buffers,
        false,
        cache.clone(),
    );

    let mut options = Options::default()
        .get_options_from_string(WITHOUT_SETTERS)
        .map_err(|e| Error::state("setting up the database", e))?;
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // What the first levels hold is soon written again, and most of it still is in memory.
    let mut compression = [DBCompressionType::Lz4; LEVELS];
    compression[..2].fill(DBCompressionType::None);
    options.set_compression_per_level(&compression);
    options.set_block_based_table_factory(&tables(&cache));
    options.set_prefix_extractor(SliceTransform::create_fixed_prefix(FILTERED_BYTES));
    options.set_memtable_prefix_bloom_ratio(0.02);
    options.set_memtable_whole_key_filtering(true);
    options.set_write_buffer_manager(&manager);
    let write_buffer = (write_buffers / 2).clamp(MIB as usize, 256 * MIB as usize);
    options.set_write_buffer_size(write_buffer);
    options.set_max_write_buffer_number(3);
    // As large as what level 0 gathers before it is merged.
    options.set_level_zero_file_num_compaction_trigger(LEVEL_0_FILES);
    options.set_max_bytes_for_level_base((write_buffer as u64) * LEVEL_0_FILES as u64);
    options.set_max_background_jobs(2);
    options.set_max_open_files(1024);
    options.set_avoid_unnecessary_blocking_io(true);
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(1);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
    Ok(options)
}

/// Options of an iterator over many keys, up to `end`.
pub(super) fn range(end: Vec<u8>) -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_iterate_upper_bound(end);
    options.set_total_order_seek(true);
    options
}

/// Options of an iterator over the rows of one prefix after the other, each of at least
/// [`FILTERED_BYTES`] if `filtered`: those that are not there are not looked for.
pub(super) fn prefixes(end: Vec<u8>, filtered: bool) -> ReadOptions {
    let mut options = range(end);
    options.set_total_order_seek(!filtered);
    options.set_prefix_same_as_start(filtered);
    options
}

fn tables(cache: &Cache) -> BlockBasedOptions {
    let mut tables = BlockBasedOptions::default();
    tables.set_block_cache(cache);
    tables.set_cache_index_and_filter_blocks(true);
    tables.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // Most point reads of a snapshot ask for keys that are not there yet.
    tables.set_bloom_filter(10.0, false);
    tables
}
