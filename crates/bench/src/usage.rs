//! What processes use, as the operating system accounts for it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// CPU time of processes and all their descendants at one moment.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Nanoseconds on a CPU of each thread that lives.
    threads: HashMap<(u32, u32), u64>,
    /// Of each process, with its threads and children that have ended, in clock ticks: coarser, and complete.
    ticks: HashMap<u32, u64>,
}

impl Usage {
    /// Reads it.
    #[must_use]
    pub fn of(roots: &[u32]) -> Self {
        Self::of_processes(family(roots))
    }

    /// Reads that of one process without its children.
    #[must_use]
    pub fn of_one(process: u32) -> Self {
        Self::of_processes([process])
    }

    fn of_processes(processes: impl IntoIterator<Item = u32>) -> Self {
        let mut usage = Self::default();
        for process in processes {
            if let Some(ticks) = ticks(process) {
                usage.ticks.insert(process, ticks);
            }
            for thread in numbers(&format!("/proc/{process}/task")) {
                if let Some(time) = on_cpu(process, thread) {
                    usage.threads.insert((process, thread), time);
                }
            }
        }
        usage
    }

    /// CPU time used since an earlier moment. Threads that ended in between are counted in clock ticks.
    #[must_use]
    pub fn since(&self, before: &Self) -> Duration {
        let mut exact: HashMap<u32, u64> = HashMap::new();
        for (&(process, thread), &time) in &self.threads {
            let earlier = before.threads.get(&(process, thread)).copied().unwrap_or(0);
            *exact.entry(process).or_default() += time.saturating_sub(earlier);
        }
        let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
        let total = self.ticks.iter().map(|(process, &now)| {
            let earlier = before.ticks.get(process).copied().unwrap_or(0);
            let coarse = now.saturating_sub(earlier) * tick;
            let exact = exact.get(process).copied().unwrap_or(0);
            // Each of two readings of user and system time is rounded down: only what exceeds that is a lost thread.
            if coarse > exact + 4 * tick { coarse } else { exact }
        });
        Duration::from_nanos(total.sum())
    }
}

/// Memory of processes and all their descendants in bytes: resident, what they share counted once.
#[must_use]
pub fn memory(roots: &[u32]) -> u64 {
    let family = family(roots);
    let key = if family.len() == 1 { "Rss:" } else { "Pss:" };
    let of = |process: &u32| {
        let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    family.iter().filter_map(of).sum::<u64>() * 1024
}

/// Bytes that a directory takes on its disk.
#[must_use]
pub fn disk(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => disk(&entry.path()),
            Ok(found) => found.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// The processes and all that descend from them.
#[must_use]
pub fn family(roots: &[u32]) -> HashSet<u32> {
    let parents: Vec<(u32, u32)> = numbers("/proc")
        .into_iter()
        .filter_map(|process| Some((process, stat(process)?.get(1)?.parse().ok()?)))
        .collect();
    let mut family: HashSet<u32> = roots.iter().copied().collect();
    loop {
        let before = family.len();
        for &(process, parent) in &parents {
            if family.contains(&parent) {
                family.insert(process);
            }
        }
        if family.len() == before {
            return family;
        }
    }
}

fn numbers(directory: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn on_cpu(process: u32, thread: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// The fields of `/proc/ID/stat` behind the name, which may contain anything.
fn stat(process: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

fn ticks(process: u32) -> Option<u64> {
    let fields = stat(process)?;
    fields.get(11..15)?.iter().map(|field| field.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let me = [std::process::id()];
        let before = Usage::of(&me);
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(50) {}
        let used = Usage::of(&me).since(&before);
        assert!(used > Duration::from_millis(5), "{used:?}");
        assert!(memory(&me) > 100_000);
    }
}
