//! Many users with several devices each, who write, read, delete and pin while things break, and note everything.

mod ask;
mod collect;
mod device;
mod plan;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

pub use plan::Plan;

use crate::cluster::Cluster;
use crate::evidence::{Evidence, Moment};
use device::Device;

/// How long the load may stand still while nothing is broken.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long, after the load has stopped, devices may usually need to agree with a fresh login.
pub const CONVERGENCE: Duration = Duration::from_secs(60);
/// Clients that sign in at the same time.
const AT_ONCE: usize = 32;

/// What all devices share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) cluster: Cluster,
    pub(crate) plan: Plan,
    begun: Instant,
    answered: watch::Sender<u64>,
    troubles: watch::Sender<u64>,
    /// When pending requests are given up; none while the load runs.
    ending: watch::Sender<Option<Instant>>,
}

impl Shared {
    pub(crate) fn now(&self) -> Moment {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ending.borrow().is_some_and(|ending| ending < Instant::now())
    }

    fn count_answer(&self) {
        self.answered.send_modify(|count| *count += 1);
    }

    fn count_trouble(&self) {
        self.troubles.send_modify(|count| *count += 1);
    }
}

/// A running load.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    running: Vec<JoinHandle<Device>>,
}

/// Runs so many at a time; results in the order of their ends.
pub(crate) async fn in_parallel<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let (mut running, mut results) = (JoinSet::new(), Vec::new());
    for one in work {
        if running.len() == AT_ONCE {
            results.push(running.join_next().await.unwrap().unwrap());
        }
        running.spawn(one);
    }
    while let Some(result) = running.join_next().await {
        results.push(result.unwrap());
    }
    results
}

impl Load {
    /// Signs everybody in, makes the groups and begins.
    pub async fn start(cluster: &Cluster, plan: Plan) -> Self {
        let shared = Arc::new(Shared {
            cluster: cluster.clone(),
            plan,
            begun: Instant::now(),
            answered: watch::Sender::new(0),
            troubles: watch::Sender::new(0),
            ending: watch::Sender::new(None),
        });
        cluster.until_ready().await;
        let new: Vec<_> = shared.plan.devices().collect();
        let signing_in = new.into_iter().map(|(user, n)| Device::sign_in(Arc::clone(&shared), user, n));
        let mut devices = in_parallel(signing_in.collect::<Vec<_>>()).await;
        device::make_groups(&shared, &devices).await;
        // The first device of each user reads what is there, so that unread counts begin at a known place.
        devices = in_parallel(devices.into_iter().map(Device::read_all)).await;
        let running = devices.into_iter().map(|device| tokio::spawn(device.run())).collect();
        Self { shared, running }
    }

    /// Waits until so many more operations were answered.
    ///
    /// # Panics
    /// When the load stands still.
    pub async fn progress(&self, operations: u64) {
        let goal = *self.shared.answered.borrow() + operations;
        wait(&self.shared.answered, goal, "answers").await;
    }

    /// How many requests were refused for a while, and sockets lost, so far.
    #[must_use]
    pub fn troubles(&self) -> u64 {
        *self.shared.troubles.borrow()
    }

    /// Waits until so many have had trouble in all: of those there were before a fault, and some more.
    ///
    /// # Panics
    /// When nobody notices anything.
    pub async fn until_troubles(&self, count: u64) {
        wait(&self.shared.troubles, count, "troubles").await;
    }

    /// Lets all pending requests end, waits until all devices agree with a fresh login, at most for so long, and collects
    /// everything. Whether they agree is for the checker to say.
    ///
    /// # Panics
    /// When a node does not answer.
    pub async fn finish(self, convergence: Duration) -> Evidence {
        self.shared.ending.send_replace(Some(Instant::now() + PATIENCE));
        let mut devices = Vec::new();
        for device in self.running {
            devices.push(device.await.unwrap());
        }
        let deadline = Instant::now() + convergence;
        self.shared.ending.send_replace(Some(deadline + PATIENCE));
        let logs = in_parallel(devices.into_iter().map(|device| device.converge(deadline))).await;
        let users = collect::users(&self.shared).await;
        Evidence { devices: logs, users, ..Evidence::default() }
    }
}

async fn wait(counter: &watch::Sender<u64>, goal: u64, what: &str) {
    let mut counter = counter.subscribe();
    let reached = timeout(PATIENCE, counter.wait_for(|&count| count >= goal)).await.is_ok();
    let count = *counter.borrow();
    assert!(reached, "after {PATIENCE:?} the load has {count} {what}, not {goal}");
}
