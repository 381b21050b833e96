use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use lethe_protocol::Settings;
use lethe_store::{Identity, Store};

use crate::config::Config;
use crate::doors::Desk;
use crate::eraser::Eraser;
use crate::hub::Hub;

/// What every door and handler of one app works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) identity: Identity,
    pub(crate) config: Config,
    /// Unix seconds.
    pub(crate) started: u64,
    pub(crate) address: String,
    pub(crate) desk: Mutex<Desk>,
    pub(crate) eraser: Arc<Eraser>,
    /// How often a group's days of retention were changed here.
    pub(crate) retention_changes: AtomicU64,
    /// The clock runs ahead of the system's by this, in ms; only in tests of what takes days.
    ahead: AtomicU64,
    stopping: AtomicBool,
}

impl Context {
    pub(crate) fn new(
        store: Store,
        hub: Arc<Hub>,
        identity: Identity,
        config: Config,
        address: String,
    ) -> Self {
        let started = now_ms() / 1000;
        Self {
            store,
            hub,
            identity,
            config,
            started,
            address,
            desk: Mutex::default(),
            eraser: Arc::default(),
            retention_changes: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// Server time in ms.
    pub(crate) fn now(&self) -> u64 {
        now_ms() + self.ahead.load(Ordering::Relaxed)
    }

    /// Sets how far the clock runs ahead, in ms.
    pub(crate) fn set_ahead(&self, ahead: u64) {
        self.ahead.store(ahead, Ordering::Relaxed);
        self.eraser.nudge();
    }

    /// Server time in s.
    pub(crate) fn now_seconds(&self) -> u64 {
        self.now() / 1000
    }

    /// How long a deletion can be undone, in ms.
    pub(crate) fn grace(&self) -> u64 {
        self.settings().erasure_grace.saturating_mul(1000)
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.hub.settings()
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

pub(crate) fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
