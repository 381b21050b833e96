//! How each space lies on the disk. The engine keeps these with a space when it is made.

use std::sync::Arc;

use fjall::compaction::Leveled;
use fjall::config::{BlockSizePolicy, CompressionPolicy, PartitioningPolicy};
use fjall::{CompressionType, KeyspaceCreateOptions};

use crate::engine::Space;

/// Bytes at which a memtable of a small space becomes a table, as the engine counts them.
pub(super) const SMALL: u64 = 2 << 20;
/// The engine is not to seal memtables by itself, which the [`Sealer`](super::sealer::Sealer) does better.
const NEVER: u64 = u64::MAX;
/// Bytes of a block of messages: a page of history is one or two, and what they have in common is compressed once.
const MESSAGE_BLOCK: u32 = 16 << 10;

/// New tables that are merged at once, of the spaces that grow with each message. Each spans all that is there, so that merging
/// them rewrites the whole first level: with the engine's 4 each row is written about twice as often.
const NEW_TABLES: u8 = 8;
/// Bytes of a table of messages, three or four times what a memtable of theirs is on the disk. The first level is as many of these
/// as new tables are merged.
const MESSAGE_TABLE: u64 = 32 << 20;
/// The same of nonces, which take much less.
const NONCE_TABLE: u64 = 8 << 20;
/// Each of their levels is this many times the one above.
const LEVEL_RATIO: f32 = 5.0;

/// Whether a space is not part of every message: scans pass what is changed over and over once for each change in memory.
pub(super) fn is_small(space: Space) -> bool {
    match space {
        Space::Messages
        | Space::Nonces
        | Space::Heads
        | Space::Views
        | Space::Accounts
        | Space::Members
        | Space::Groups => false,
        Space::Meta
        | Space::Listed
        | Space::Changes
        | Space::Counters
        | Space::Memberships
        | Space::GroupApplications
        | Space::Friends
        | Space::FriendApplications
        | Space::Journal
        | Space::Undos
        | Space::Erasures
        | Space::ErasureTimes
        | Space::Holds
        | Space::Keys => true,
    }
}

/// The options of a space that is made now.
pub(super) fn options(space: Space) -> KeyspaceCreateOptions {
    let options = KeyspaceCreateOptions::default().max_memtable_size(NEVER);
    let compressed = CompressionPolicy::all(CompressionType::Lz4);
    // Of the spaces that grow with each message, what finds a row is read in parts, as it is needed, and not kept whole from
    // the start on: memory does not grow with the store.
    let in_parts = PartitioningPolicy::all(true);
    let merged = Leveled::default().with_l0_threshold(NEW_TABLES).with_level_ratio_policy(vec![LEVEL_RATIO]);
    match space {
        Space::Messages => options
            .data_block_size_policy(BlockSizePolicy::all(MESSAGE_BLOCK))
            .data_block_compression_policy(compressed)
            .index_block_partitioning_policy(in_parts.clone())
            .filter_block_partitioning_policy(in_parts)
            // Who asks for one message knows that it is there.
            .expect_point_read_hits(true)
            .compaction_strategy(Arc::new(merged.with_table_target_size(MESSAGE_TABLE))),
        Space::Nonces => options
            .data_block_compression_policy(compressed)
            .index_block_partitioning_policy(in_parts.clone())
            .filter_block_partitioning_policy(in_parts)
            .compaction_strategy(Arc::new(merged.with_table_target_size(NONCE_TABLE))),
        _ => options,
    }
}
