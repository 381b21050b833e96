use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What can be listened to: a user with a client on this node, a group with one, all nodes, this node alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    User(String),
    Group(String),
    Nodes,
    Node(u64),
}

impl Subject {
    /// Its name within a cluster's prefix. IDs may hold what subjects must not.
    pub(crate) fn name(&self, prefix: &str) -> String {
        match self {
            Self::User(id) => format!("{prefix}.u.{}", URL_SAFE_NO_PAD.encode(id)),
            Self::Group(id) => format!("{prefix}.g.{}", URL_SAFE_NO_PAD.encode(id)),
            Self::Nodes => format!("{prefix}.nodes"),
            Self::Node(number) => format!("{prefix}.n.{number:016x}"),
        }
    }
}
