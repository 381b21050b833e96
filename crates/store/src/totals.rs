use minicbor::{Decode, Encode};

/// Running totals, written with every commit: exact, and there without a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Totals {
    /// Stored messages.
    #[n(0)]
    pub messages: u64,
    /// Conversations that came into being, of all users.
    #[n(1)]
    pub conversations: u64,
    /// Conversations deleted.
    #[n(2)]
    pub deletions: u64,
    /// Accounts.
    #[n(3)]
    pub accounts: u64,
    /// Groups that came into being.
    #[n(4)]
    pub groups: u64,
    /// Messages erased.
    #[n(5)]
    #[cbor(default)]
    pub erased: u64,
    /// Bytes of the messages erased.
    #[n(6)]
    #[cbor(default)]
    pub erased_bytes: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, other: &Self) {
        self.messages += other.messages;
        self.conversations += other.conversations;
        self.deletions += other.deletions;
        self.accounts += other.accounts;
        self.groups += other.groups;
        self.erased += other.erased;
        self.erased_bytes += other.erased_bytes;
    }
}
