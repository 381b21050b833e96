//! What happens to many users while nodes, the database and the bus break, in real processes.

mod embedded;
mod services;
mod support;
