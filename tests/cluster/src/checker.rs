//! Compares what clients saw with what is kept. A pure function: the same evidence, the same verdict.
//!
//! - Every answered message is kept exactly once, at the place and time of its answer; one that was never answered at
//!   most once; nothing is kept that nobody sent.
//! - A timeline has one order for all: contiguous places, one message each, the same in every history, page and push; a
//!   message that was sent after another was answered stands after it, and a page that was asked for after it shows it.
//! - A deleted conversation stands in no list, unless a newer message came or it was pinned again; cleared messages are
//!   in no page and no history.
//! - All lists agree: those of all devices, and of fresh logins at all nodes. Unread counts, floors and pins are what the
//!   operations of the user make of the histories.

mod conversations;
mod messages;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use crate::evidence::{DeviceLog, Entry, Evidence, Operation, Outcome, What, timeline};

/// What cannot be if the servers are right, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Contradiction(String);

type Verdict<T = ()> = Result<T, Contradiction>;

/// The contradiction that `words` describe, if `holds` does not.
fn ensure(holds: bool, words: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Contradiction(words())) }
}

/// Counts of what was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Clients.
    pub devices: u64,
    /// Messages that clients tried to send.
    pub sent: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Those that nobody knows of.
    pub unknown: u64,
    /// Messages kept.
    pub kept: u64,
    /// Messages pushed to clients.
    pub delivered: u64,
    /// Those pushed to a client that had them already.
    pub doubled: u64,
    /// Those pushed, on one connection, after a newer one of the same timeline.
    pub inverted: u64,
    /// Conversations deleted.
    pub deletions: u64,
    /// Conversations read.
    pub reads: u64,
    /// Pins and unpins.
    pub pins: u64,
    /// Pages of history.
    pub pages: u64,
    /// Looks at lists during the run.
    pub looks: u64,
    /// Sockets replaced.
    pub reconnects: u64,
    /// Those that began with an empty list.
    pub forgotten: u64,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = self.faults.iter().map(|(kind, count)| format!("{count} x {kind}")).collect();
        write!(
            f,
            "faults: {}\n{} messages sent, {} answered, {} unknown, {} kept; {} delivered to {} devices \
             ({} doubled, {} out of order)\n{} deletions, {} reads, {} pins, {} pages, {} looks; {} reconnects \
             ({} with an empty list)",
            faults.join(", "),
            self.sent,
            self.answered,
            self.unknown,
            self.kept,
            self.delivered,
            self.devices,
            self.doubled,
            self.inverted,
            self.deletions,
            self.reads,
            self.pins,
            self.pages,
            self.looks,
            self.reconnects,
            self.forgotten,
        )
    }
}

/// Looks for the first contradiction.
///
/// # Errors
/// The contradiction.
pub fn check(evidence: &Evidence) -> Result<Report, Contradiction> {
    for (log, operation) in operations(evidence) {
        let refused = matches!(operation.outcome, Outcome::Refused(_));
        ensure(!refused, || {
            format!("{} {} was refused what it may do: {operation:?}", log.user, log.device)
        })?;
    }
    for log in &evidence.devices {
        let kicked = log.entries.iter().any(|entry| matches!(entry, Entry::Kicked));
        ensure(!kicked, || format!("{} {} was kicked, though it may be there", log.user, log.device))?;
    }
    let truth = messages::Truth::of(evidence)?;
    let answers = messages::check_sent(evidence, &truth)?;
    messages::check_delivered(evidence, &truth)?;
    messages::check_pages(evidence, &truth, &answers)?;
    conversations::check_lists(evidence)?;
    conversations::check_states(evidence, &truth)?;
    conversations::check_looks(evidence)?;
    let mut report = count(evidence);
    report.kept = truth.kept();
    (report.sent, report.answered) = answers.counts();
    report.unknown = report.sent - report.answered;
    Ok(report)
}

fn operations(evidence: &Evidence) -> impl Iterator<Item = (&DeviceLog, &Operation)> {
    evidence.devices.iter().flat_map(|log| {
        log.entries.iter().filter_map(move |entry| match entry {
            Entry::Operation(operation) => Some((log, operation)),
            _ => None,
        })
    })
}

fn count(evidence: &Evidence) -> Report {
    let mut report = Report {
        devices: evidence.devices.len() as u64,
        faults: evidence.faults.clone(),
        ..Report::default()
    };
    for (_, operation) in operations(evidence) {
        match &operation.what {
            What::Send { .. } => {}
            What::Read { .. } => report.reads += 1,
            What::Delete { items, .. } => report.deletions += items.len() as u64,
            What::Pin { .. } => report.pins += 1,
            What::Page { .. } => report.pages += 1,
        }
    }
    evidence.devices.iter().for_each(|log| count_entries(log, &mut report));
    report
}

fn count_entries(log: &DeviceLog, report: &mut Report) {
    let mut seen = HashSet::new();
    let mut newest: HashMap<String, u64> = HashMap::new();
    for entry in &log.entries {
        match entry {
            Entry::Delivered(delivery) => {
                let timeline = timeline(&log.user, &delivery.conversation);
                report.delivered += 1;
                let last = newest.entry(timeline.clone()).or_default();
                report.inverted += u64::from(delivery.seq < *last);
                *last = delivery.seq.max(*last);
                report.doubled += u64::from(!seen.insert((timeline, delivery.seq)));
            }
            Entry::Connected { resumed } => {
                report.reconnects += 1;
                report.forgotten += u64::from(!resumed);
                newest.clear();
            }
            Entry::Saw(_) => report.looks += 1,
            Entry::Operation(_) | Entry::Kicked => {}
        }
    }
}
