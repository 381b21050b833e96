use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use lethe_protocol::ConversationId;

use super::{Contradiction, Verdict, ensure, operations};
use crate::evidence::{Entry, Evidence, Moment, NEVER, Operation, Outcome, Stored, What, timeline};

/// All messages that are kept, by timeline and place.
pub(super) struct Truth {
    timelines: BTreeMap<String, BTreeMap<u64, Stored>>,
}

impl Truth {
    /// Lays the histories of all users over each other.
    pub(super) fn of(evidence: &Evidence) -> Verdict<Self> {
        let mut truth = Self { timelines: BTreeMap::new() };
        for state in &evidence.users {
            for (conversation, history) in &state.histories {
                let shown = state.states.get(conversation).map(|(_, shown)| shown).ok_or_else(|| {
                    Contradiction(format!("{} has a history of {conversation} but no state", state.user))
                })?;
                let seqs: Vec<u64> = history.iter().map(|message| message.seq).collect();
                let whole: Vec<u64> = (shown.head.saturating_sub(shown.messages) + 1..=shown.head).collect();
                ensure(seqs == whole, || {
                    format!(
                        "the history of {conversation} that {} reads is not {} messages up to {}: {seqs:?}",
                        state.user, shown.messages, shown.head
                    )
                })?;
                truth.lay(&state.user, conversation, history)?;
            }
        }
        truth.check_order()?;
        Ok(truth)
    }

    fn lay(&mut self, user: &str, conversation: &ConversationId, history: &[Stored]) -> Verdict {
        let name = timeline(user, conversation);
        let kept = self.timelines.entry(name.clone()).or_default();
        for message in history {
            let known = kept.entry(message.seq).or_insert_with(|| message.clone());
            ensure(known == message, || {
                format!("two messages at one place of {name}: {known:?} and, read by {user}, {message:?}")
            })?;
        }
        Ok(())
    }

    /// One message has one place, and time does not go back.
    fn check_order(&self) -> Verdict {
        let (mut ids, mut texts) = (HashSet::new(), HashSet::new());
        for (name, kept) in &self.timelines {
            let mut time = 0;
            for message in kept.values() {
                ensure(ids.insert((name, &message.id)), || {
                    format!("a message is kept twice in {name}: {message:?}")
                })?;
                ensure(message.text.is_empty() || texts.insert(&message.text), || {
                    format!("a message is kept twice, once in {name}: {message:?}")
                })?;
                ensure(message.time >= time, || format!("time goes back in {name} at {message:?}"))?;
                time = message.time;
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, timeline: &str, seq: u64) -> Option<&Stored> {
        self.timelines.get(timeline)?.get(&seq)
    }

    /// Messages of others than `user` after `base`.
    pub(super) fn count_others(&self, timeline: &str, base: u64, user: &str) -> usize {
        let above = self.timelines.get(timeline).into_iter().flat_map(|kept| kept.range(base + 1..));
        above.filter(|(_, message)| message.from != user).count()
    }

    pub(super) fn kept(&self) -> u64 {
        self.timelines.values().map(|kept| kept.len() as u64).sum()
    }
}

/// One message as its sender knows it, over all repeats.
struct Send<'a> {
    text: &'a str,
    asked: Moment,
    ended: Moment,
    answers: BTreeSet<(u64, u64)>,
}

/// Who sent where with what nonce.
type Nonce<'a> = (&'a str, String, u32, u32);

/// What was answered, and when.
pub(super) struct Answers {
    sent: u64,
    answered: u64,
    /// By timeline, in the order of time: when an answer came, and the greatest place answered until then.
    known: HashMap<String, Vec<(Moment, u64)>>,
}

impl Answers {
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.sent, self.answered)
    }

    /// The greatest place that was answered before this moment.
    fn known_at(&self, timeline: &str, moment: Moment) -> u64 {
        let Some(known) = self.known.get(timeline) else { return 0 };
        let before = known.partition_point(|(ended, _)| *ended < moment);
        before.checked_sub(1).map_or(0, |last| known[last].1)
    }
}

fn sends(evidence: &Evidence) -> BTreeMap<Nonce<'_>, Send<'_>> {
    let mut sends = BTreeMap::new();
    for (log, operation) in operations(evidence) {
        let What::Send { to, client_time, random, text } = &operation.what else { continue };
        let nonce = (log.user.as_str(), timeline(&log.user, to), *client_time, *random);
        let new = || Send { text, asked: operation.asked, ended: NEVER, answers: BTreeSet::new() };
        let send = sends.entry(nonce).or_insert_with(new);
        send.asked = send.asked.min(operation.asked);
        send.ended = send.ended.min(operation.ended);
        if let Outcome::Sent { seq, time } = operation.outcome {
            send.answers.insert((seq, time));
        }
    }
    sends
}

/// Every answered message is at its place, and what is kept was sent.
pub(super) fn check_sent(evidence: &Evidence, truth: &Truth) -> Verdict<Answers> {
    let sends = sends(evidence);
    let mut answers = Answers { sent: sends.len() as u64, answered: 0, known: HashMap::new() };
    for (nonce, send) in &sends {
        ensure(send.answers.len() < 2, || {
            format!("{:?} was answered differently when it was repeated: {:?}", send.text, send.answers)
        })?;
        if let Some(&(seq, time)) = send.answers.first() {
            check_answered(truth, nonce, send, seq, time)?;
            answers.answered += 1;
            answers.known.entry(nonce.1.clone()).or_default().push((send.ended, seq));
        }
    }
    for known in answers.known.values_mut() {
        known.sort_unstable();
        let mut greatest = 0;
        for (_, seq) in known.iter_mut() {
            greatest = greatest.max(*seq);
            *seq = greatest;
        }
    }
    check_order_of_answers(&sends, &answers)?;
    check_nobody_forged(evidence, truth, &sends)?;
    Ok(answers)
}

fn check_answered(truth: &Truth, nonce: &Nonce<'_>, send: &Send<'_>, seq: u64, time: u64) -> Verdict {
    let (user, timeline, client_time, random) = nonce;
    let stored = truth.get(timeline, seq);
    let right = stored.is_some_and(|stored| {
        stored.text == send.text
            && stored.from == *user
            && stored.time == time
            && stored.id.ends_with(&format!("-{client_time}-{random}"))
    });
    ensure(right, || {
        format!("{:?} was answered {timeline} {seq} at {time}, but there is {stored:?}", send.text)
    })
}

/// What was sent after an answer stands after it.
fn check_order_of_answers(sends: &BTreeMap<Nonce<'_>, Send<'_>>, answers: &Answers) -> Verdict {
    for ((_, timeline, ..), send) in sends {
        let Some(&(seq, _)) = send.answers.first() else { continue };
        let before = answers.known_at(timeline, send.asked);
        ensure(seq > before, || {
            format!("{:?} was sent after {timeline} {before} was answered, but stands at {seq}", send.text)
        })?;
    }
    Ok(())
}

fn check_nobody_forged(evidence: &Evidence, truth: &Truth, sends: &BTreeMap<Nonce<'_>, Send<'_>>) -> Verdict {
    let users: HashSet<_> = evidence.devices.iter().map(|log| log.user.as_str()).collect();
    let texts: HashSet<_> =
        sends.iter().map(|((user, timeline, ..), send)| (*user, timeline.as_str(), send.text)).collect();
    for (timeline, kept) in &truth.timelines {
        for message in kept.values().filter(|message| users.contains(message.from.as_str())) {
            let sent = message.text.is_empty()
                || texts.contains(&(message.from.as_str(), timeline.as_str(), message.text.as_str()));
            ensure(sent, || format!("nobody sent what is kept in {timeline}: {message:?}"))?;
        }
    }
    Ok(())
}

/// Every message that was pushed is the one at its place.
pub(super) fn check_delivered(evidence: &Evidence, truth: &Truth) -> Verdict {
    for log in &evidence.devices {
        for entry in &log.entries {
            let Entry::Delivered(delivery) = entry else { continue };
            let timeline = timeline(&log.user, &delivery.conversation);
            let stored = truth.get(&timeline, delivery.seq);
            ensure(stored.is_some_and(|stored| stored.id == delivery.id), || {
                format!("{} {} was given {delivery:?} but there is {stored:?}", log.user, log.device)
            })?;
        }
    }
    Ok(())
}

/// Pages are a piece of the one order, have nothing that was cleared, and miss nothing that was answered before.
pub(super) fn check_pages(evidence: &Evidence, truth: &Truth, answers: &Answers) -> Verdict {
    let cleared = clearings(evidence);
    for (log, operation) in operations(evidence) {
        let (What::Page { conversation }, Outcome::Page(page)) = (&operation.what, &operation.outcome) else {
            continue;
        };
        let name = timeline(&log.user, conversation);
        let who = || format!("the page of {name} that {} {} read", log.user, log.device);
        for message in page {
            let stored = truth.get(&name, message.seq);
            ensure(stored == Some(message), || {
                format!("{} has {message:?}, but there is {stored:?}", who())
            })?;
        }
        let gap = page.windows(2).find(|pair| pair[0].seq + 1 != pair[1].seq);
        ensure(gap.is_none(), || format!("{} has a gap: {gap:?}", who()))?;
        let mine = cleared.get(&(log.user.as_str(), name.clone())).map_or(&[][..], Vec::as_slice);
        let floor =
            mine.iter().filter(|(clearing, _)| clearing.is_before(operation)).map(|(_, to)| *to).max();
        let first = page.first().map(|message| message.seq);
        ensure(first.is_none_or(|first| first > floor.unwrap_or(0)), || {
            format!("{} begins at {first:?}, but was cleared up to {floor:?} before", who())
        })?;
        let newest = answers.known_at(&name, operation.asked);
        let hidden = mine.iter().any(|(_, to)| *to >= newest);
        let last = page.last().map_or(0, |message| message.seq);
        ensure(hidden || last >= newest, || {
            format!("{} ends at {last}, but {newest} was answered before it was asked for", who())
        })?;
    }
    Ok(())
}

/// Deletions with histories, by user and timeline: what and up to where.
type Clearings<'a> = HashMap<(&'a str, String), Vec<(&'a Operation, u64)>>;

fn clearings(evidence: &Evidence) -> Clearings<'_> {
    let mut clearings = Clearings::new();
    for (log, operation) in operations(evidence) {
        let What::Delete { items, clear: true } = &operation.what else { continue };
        for (conversation, anchor) in items {
            let key = (log.user.as_str(), timeline(&log.user, conversation));
            clearings.entry(key).or_default().push((operation, *anchor));
        }
    }
    clearings
}
