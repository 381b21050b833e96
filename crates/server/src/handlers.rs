pub(crate) mod conversations;
pub(crate) mod friends;
pub(crate) mod groups;
pub(crate) mod messages;
pub(crate) mod notices;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod users;
