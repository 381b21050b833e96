//! What a span of work costs the server, the load and the clock.

use std::time::{Duration, Instant};

use crate::figures::{Figures, per_second};
use crate::system::System;
use crate::usage::Usage;

/// Begun before the work.
pub struct Meter {
    roots: Vec<u32>,
    server: Usage,
    load: Usage,
    begun: Instant,
}

/// What the work cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// CPU time of the server, all its processes and threads, user and kernel.
    pub server: Duration,
    /// CPU time of this process without its children, of which the server is one.
    pub load: Duration,
    /// Wall time.
    pub wall: Duration,
}

impl Meter {
    /// Begins.
    #[must_use]
    pub fn start(system: &dyn System) -> Self {
        let roots = system.processes();
        let (server, load) = (Usage::of(&roots), Usage::of_one(std::process::id()));
        Self { roots, server, load, begun: Instant::now() }
    }

    /// Wall time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What it cost until now.
    #[must_use]
    pub fn read(&self) -> Cost {
        let wall = self.begun.elapsed();
        let load = Usage::of_one(std::process::id()).since(&self.load);
        Cost { server: Usage::of(&self.roots).since(&self.server), load, wall }
    }
}

impl Cost {
    /// Adds how many `things` there were per second of server CPU and of wall time, and how busy both sides were.
    pub fn add_rates(&self, figures: &mut Figures, prefix: &str, things: &str, count: u64) {
        let name = |what: &str| format!("{prefix}{what}");
        // A system that runs elsewhere has no CPU time here.
        if !self.server.is_zero() {
            figures.add(
                name(&format!("{things} per server CPU second")),
                "1/s",
                per_second(count, self.server),
            );
        }
        figures.add(name(&format!("{things} per second")), "1/s", per_second(count, self.wall));
        let share = |time: Duration| time.as_secs_f64() / self.wall.as_secs_f64() * 100.0;
        figures.add(name("CPU of the server"), "% of a core", share(self.server));
        figures.add(name("CPU of the load"), "% of a core", share(self.load));
    }
}
