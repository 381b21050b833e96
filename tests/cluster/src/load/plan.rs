use lethe_protocol::ConversationId;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// The peers of a user stand at these distances from it, on both sides.
const DISTANCES: [usize; 3] = [1, 2, 5];
const SMALLEST_GROUP: usize = 20;
const GREATEST_GROUP: usize = 50;

/// Who is there, who talks to whom, and how much. The same seed makes the same plan; what comes of it also depends on
/// when answers come.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of all that is random.
    pub seed: u64,
    /// How many users.
    pub users: usize,
    /// How many groups, of 20 to 50 members each.
    pub groups: usize,
    /// Operations per second of all together.
    pub rate: f64,
    /// Only messages are sent, for measuring.
    pub messages_only: bool,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

impl Plan {
    /// 300 users, 10 groups, 300 operations per second; `LETHE_SEED`, `LETHE_FAULT_USERS` and `LETHE_FAULT_RATE` say
    /// otherwise.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rates are small")]
    pub fn from_environment() -> Self {
        Self {
            seed: number("LETHE_SEED").unwrap_or_else(rand::random),
            users: number("LETHE_FAULT_USERS").map_or(300, |users| usize::try_from(users).unwrap()),
            groups: 10,
            rate: number("LETHE_FAULT_RATE").unwrap_or(300) as f64,
            messages_only: false,
        }
    }

    /// The name of a user.
    #[must_use]
    pub fn user(&self, n: usize) -> String {
        format!("u{:04}", n % self.users)
    }

    /// All clients: number of the user, number of the device. Every fifth user has two, every tenth three.
    pub fn devices(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count =
            |user: usize| 1 + usize::from(user.is_multiple_of(5)) + usize::from(user.is_multiple_of(10));
        (0..self.users).flat_map(move |user| (0..count(user)).map(move |device| (user, device)))
    }

    /// Operations per second of one client.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "few clients")]
    pub fn rate_of_one(&self) -> f64 {
        self.rate / self.devices().count() as f64
    }

    /// The members of a group, its owner first.
    #[must_use]
    pub fn members(&self, group: usize) -> Vec<usize> {
        let mut rng = StdRng::seed_from_u64(self.seed.wrapping_add(group as u64));
        let size = rng.random_range(SMALLEST_GROUP..=GREATEST_GROUP).min(self.users);
        let mut users: Vec<usize> = (0..self.users).collect();
        users.shuffle(&mut rng);
        users.truncate(size);
        users
    }

    /// The conversations of a user.
    #[must_use]
    pub fn conversations(&self, user: usize) -> Vec<ConversationId> {
        let sides = DISTANCES.iter().flat_map(|distance| [user + distance, user + self.users - distance]);
        let peers = sides.map(|peer| ConversationId::User(self.user(peer)));
        let groups = (0..self.groups).filter(|&group| self.members(group).contains(&user));
        let mut all: Vec<_> =
            peers.chain(groups.map(|group| ConversationId::Group(group_id(group)))).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Whether a user clears histories there. Of two peers one does not, and neither do owners of groups: somebody has to
    /// be left who can read every message.
    #[must_use]
    pub fn may_clear(&self, user: usize, conversation: &ConversationId) -> bool {
        match conversation {
            ConversationId::User(peer) => self.user(user) < *peer,
            ConversationId::Group(id) => (0..self.groups)
                .find(|&group| group_id(group) == *id)
                .is_some_and(|group| self.members(group)[0] != user),
            ConversationId::System => false,
        }
    }
}

/// The ID of a group.
#[must_use]
pub(crate) fn group_id(group: usize) -> String {
    format!("group{group}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_peers_who_have_them_too() {
        let plan = Plan { seed: 1, users: 40, groups: 3, rate: 1.0, messages_only: false };
        for user in 0..plan.users {
            for conversation in plan.conversations(user) {
                let ConversationId::User(peer) = &conversation else { continue };
                let peer = (0..plan.users).find(|&other| plan.user(other) == *peer).unwrap();
                let mine = ConversationId::User(plan.user(user));
                assert!(plan.conversations(peer).contains(&mine));
                assert!(!(plan.may_clear(user, &conversation) && plan.may_clear(peer, &mine)));
            }
        }
    }

    #[test]
    fn groups_have_20_to_50_members() {
        let plan = Plan { seed: 7, users: 300, groups: 10, rate: 1.0, messages_only: false };
        for group in 0..plan.groups {
            assert!((SMALLEST_GROUP..=GREATEST_GROUP).contains(&plan.members(group).len()));
        }
    }
}
