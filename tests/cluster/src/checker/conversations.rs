use std::collections::{BTreeMap, HashMap};

use lethe_protocol::ConversationId;

use super::messages::Truth;
use super::{Verdict, ensure, operations};
use crate::evidence::{
    Entry, Evidence, List, NEVER, Operation, Outcome, Shown, Sight, UserState, What, timeline,
};

/// All lists of a user agree with each other and with the states.
pub(super) fn check_lists(evidence: &Evidence) -> Verdict {
    for state in &evidence.users {
        let listed = state.states.iter().filter(|(_, (listed, _))| *listed);
        let truth: List = listed.map(|(id, (_, shown))| (id.clone(), shown.clone())).collect();
        for (node, list) in state.lists.iter().enumerate() {
            let name = format!("a fresh login of {} at node {node}", state.user);
            ensure(*list == truth, || difference(&name, list, &truth))?;
        }
    }
    let lists: HashMap<_, _> =
        evidence.users.iter().filter_map(|state| Some((state.user.as_str(), state.lists.first()?))).collect();
    for log in &evidence.devices {
        let name = format!("device {} of {}, told up to change {}", log.device, log.user, log.change);
        if let Some(fresh) = lists.get(log.user.as_str()) {
            ensure(log.shown == **fresh, || {
                difference(&name, &log.shown, fresh) + &history(evidence, &log.user, &log.shown, fresh)
            })?;
        }
    }
    Ok(())
}

fn first_difference<'a>(shown: &'a List, truth: &'a List) -> Option<&'a ConversationId> {
    shown.keys().chain(truth.keys()).filter(|id| shown.get(*id) != truth.get(*id)).min()
}

fn difference(name: &str, shown: &List, truth: &List) -> String {
    first_difference(shown, truth).map_or_else(String::new, |id| {
        format!("{name}, shows {id} as {:?}, but it is {:?}", shown.get(id), truth.get(id))
    })
}

/// What is kept of the first conversation in which two lists differ, and what its user did to it.
fn history(evidence: &Evidence, user: &str, shown: &List, truth: &List) -> String {
    let Some(id) = first_difference(shown, truth) else { return String::new() };
    let state = evidence.users.iter().find(|state| state.user == user).and_then(|state| state.states.get(id));
    let mut deeds: Vec<_> = operations(evidence)
        .filter(|(log, operation)| log.user == user && operation.what.concerns(id))
        .map(|(log, operation)| (operation.asked, log.device, operation))
        .collect();
    deeds.sort_by_key(|(asked, ..)| *asked);
    let lines = deeds.iter().map(|(_, device, operation)| format!("\n  device {device}: {operation:?}"));
    format!("\n  kept: {state:?}{}", lines.collect::<String>())
}

/// What a user did to one conversation, over all devices.
#[derive(Default)]
struct Deeds<'a> {
    reads: Vec<(&'a Operation, u64)>,
    deletions: Vec<(&'a Operation, u64, bool)>,
    pins: Vec<(&'a Operation, bool)>,
}

type AllDeeds<'a> = HashMap<(&'a str, &'a ConversationId), Deeds<'a>>;

fn deeds(evidence: &Evidence) -> AllDeeds<'_> {
    let mut all = AllDeeds::new();
    for (log, operation) in operations(evidence) {
        let user = log.user.as_str();
        match &operation.what {
            What::Read { conversation, up_to } => {
                all.entry((user, conversation)).or_default().reads.push((operation, *up_to));
            }
            What::Delete { items, clear } => {
                for (conversation, anchor) in items {
                    let deeds = all.entry((user, conversation)).or_default();
                    deeds.deletions.push((operation, *anchor, *clear));
                }
            }
            What::Pin { conversation, pinned } => {
                all.entry((user, conversation)).or_default().pins.push((operation, *pinned));
            }
            What::Send { .. } | What::Page { .. } => {}
        }
    }
    all
}

/// The values that a floor may have: the greatest that was answered, or one that was not and is greater.
fn floors<'a>(moves: impl Iterator<Item = (&'a Operation, u64)> + Clone) -> Vec<u64> {
    let is_known = |operation: &Operation| operation.outcome != Outcome::Unknown;
    let known = moves.clone().filter(|(one, _)| is_known(one)).map(|(_, to)| to).max().unwrap_or(0);
    let unknown = moves.filter(|(one, to)| !is_known(one) && *to > known).map(|(_, to)| to);
    std::iter::once(known).chain(unknown).collect()
}

/// States are what the user's deeds make of the histories.
pub(super) fn check_states(evidence: &Evidence, truth: &Truth) -> Verdict {
    let (all, none) = (deeds(evidence), Deeds::default());
    let read_to: BTreeMap<_, _> = evidence
        .users
        .iter()
        .flat_map(|state| {
            state.states.iter().map(|(id, (_, shown))| ((state.user.as_str(), id), shown.read_to))
        })
        .collect();
    for state in &evidence.users {
        for (id, (listed, shown)) in &state.states {
            let deeds = all.get(&(state.user.as_str(), id)).unwrap_or(&none);
            let one = One { state, id, listed: *listed, shown, deeds };
            one.check_floors()?;
            one.check_unread(truth)?;
            one.check_last(truth)?;
            one.check_listed()?;
            one.check_pinned()?;
            if let ConversationId::User(peer) = id {
                let mine = ConversationId::User(state.user.clone());
                let theirs = read_to.get(&(peer.as_str(), &mine)).copied();
                one.ensure(theirs.is_none_or(|theirs| theirs == shown.peer_read_to), || {
                    format!("the peer has read up to {theirs:?}")
                })?;
            }
        }
    }
    Ok(())
}

/// One conversation of one user.
struct One<'a> {
    state: &'a UserState,
    id: &'a ConversationId,
    listed: bool,
    shown: &'a Shown,
    deeds: &'a Deeds<'a>,
}

impl One<'_> {
    fn ensure(&self, holds: bool, words: impl FnOnce() -> String) -> Verdict {
        ensure(holds, || {
            let listed = if self.listed { "listed" } else { "not listed" };
            format!("{} of {}, {listed}, is {:?}, but {}", self.id, self.state.user, self.shown, words())
        })
    }

    fn reads(&self) -> impl Iterator<Item = (&Operation, u64)> + Clone {
        self.deeds.reads.iter().copied()
    }

    fn deletions(&self) -> impl Iterator<Item = (&Operation, u64)> + Clone {
        self.deeds.deletions.iter().map(|(operation, anchor, _)| (*operation, *anchor))
    }

    fn check_floors(&self) -> Verdict {
        let read = floors(self.reads());
        self.ensure(read.contains(&self.shown.read_to), || format!("it was read up to one of {read:?}"))?;
        let clearing = self.deeds.deletions.iter().filter(|(_, _, clear)| *clear);
        let cleared = floors(clearing.map(|(operation, anchor, _)| (*operation, *anchor)));
        self.ensure(cleared.contains(&self.shown.cleared_to), || {
            format!("it was cleared up to one of {cleared:?}")
        })?;
        let floor = self.shown.head.saturating_sub(self.shown.messages);
        self.ensure(floor >= self.shown.cleared_to, || format!("everything after {floor} is visible again"))
    }

    fn check_unread(&self, truth: &Truth) -> Verdict {
        let timeline = timeline(&self.state.user, self.id);
        let bases = floors(self.reads().chain(self.deletions()));
        let counts = bases.iter().map(|&base| truth.count_others(&timeline, base, &self.state.user));
        let counts: Vec<_> = counts.collect();
        self.ensure(counts.contains(&(self.shown.unread as usize)), || {
            format!("{counts:?} messages of others came after {bases:?}")
        })
    }

    fn check_last(&self, truth: &Truth) -> Verdict {
        let visible = self.shown.messages > 0;
        let last = truth.get(&timeline(&self.state.user, self.id), self.shown.head).filter(|_| visible);
        let last = last.map(|message| &message.id);
        self.ensure(self.shown.last.as_ref() == last, || format!("the last message is {last:?}"))
    }

    /// A pin that may have happened after this deletion.
    fn reopened_after(&self, deletion: &Operation) -> bool {
        self.deeds.pins.iter().any(|(pin, pinned)| *pinned && !pin.is_before(deletion))
    }

    /// Those that took it off the list for good unless it was pinned after: no message is newer than their anchor.
    fn last_words(&self) -> impl Iterator<Item = &Operation> {
        let head = self.shown.head;
        self.deletions()
            .filter(move |(one, anchor)| one.ended != NEVER && *anchor >= head)
            .map(|(one, _)| one)
    }

    fn check_listed(&self) -> Verdict {
        let deletion = self.last_words().find(|deletion| !self.reopened_after(deletion));
        self.ensure(!self.listed || deletion.is_none(), || {
            format!("it was deleted and nothing came after: {deletion:?}")
        })?;
        let newest = self.deletions().map(|(_, anchor)| anchor).max();
        let has_to = self.shown.pinned || newest.is_none_or(|anchor| self.shown.head > anchor);
        self.ensure(self.listed || !has_to || self.shown.head == 0, || {
            format!("the greatest anchor of its deletions is {newest:?}")
        })
    }

    fn check_pinned(&self) -> Verdict {
        let pins =
            |wanted| self.deeds.pins.iter().filter(move |(_, pinned)| *pinned == wanted).map(|(one, _)| *one);
        let unpinned: Vec<_> =
            pins(false).filter(|one| one.ended != NEVER).chain(self.last_words()).collect();
        if self.shown.pinned {
            let justified = pins(true).any(|pin| !unpinned.iter().any(|one| pin.is_before(one)));
            return self.ensure(justified, || format!("every pin was undone: {unpinned:?}"));
        }
        let undone = |pin: &Operation| {
            pins(false).chain(self.deletions().map(|(one, _)| one)).any(|one| !one.is_before(pin))
        };
        let kept = pins(true).find(|pin| pin.ended != NEVER && !undone(pin));
        self.ensure(kept.is_none(), || format!("nothing came after {kept:?}"))
    }
}

/// No device shows again what it has deleted itself, without a newer message or a pin.
pub(super) fn check_looks(evidence: &Evidence) -> Verdict {
    let all = deeds(evidence);
    for log in &evidence.devices {
        // The greatest anchor of this device's own deletions, the last of them, and the greatest that clears.
        let mut deleted: HashMap<&ConversationId, (u64, &Operation, u64)> = HashMap::new();
        for entry in &log.entries {
            match entry {
                Entry::Operation(operation) if operation.outcome == Outcome::Done => {
                    let What::Delete { items, clear } = &operation.what else { continue };
                    for (id, anchor) in items {
                        let cleared = if *clear { *anchor } else { 0 };
                        let known = deleted.entry(id).or_insert((*anchor, operation, cleared));
                        let last = if *anchor >= known.0 { operation } else { known.1 };
                        *known = (known.0.max(*anchor), last, known.2.max(cleared));
                    }
                }
                Entry::Saw(sight) => {
                    let Some(&(anchor, deletion, cleared)) = deleted.get(&sight.conversation) else {
                        continue;
                    };
                    let pins = all.get(&(log.user.as_str(), &sight.conversation)).map(|deeds| &deeds.pins);
                    let reopened = pins.is_some_and(|pins| {
                        pins.iter().any(|(pin, on)| *on && may_lie_between(pin, deletion, sight))
                    });
                    let who = || format!("{} {} saw {sight:?}", log.user, log.device);
                    ensure(sight.head > anchor || reopened, || {
                        format!("a deleted conversation came back: {} after {deletion:?}", who())
                    })?;
                    ensure(sight.cleared_to >= cleared, || {
                        format!("a cleared history came back: {} after {deletion:?}", who())
                    })?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn may_lie_between(pin: &Operation, deletion: &Operation, sight: &Sight) -> bool {
    pin.asked < sight.at && !pin.is_before(deletion)
}
