//! Child processes that never outlive this one, and what they say.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, LazyLock, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, PidfdFlags, Signal};

/// How long a service may take to say that it is ready, or to end.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Lines shown of a process that did not do what it should.
const TAIL: usize = 40;
/// Lines remembered of a process.
const LINES: usize = 10_000;

/// A child process. Dropping it kills it; so does the end of this process, however it comes.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    said: Arc<Said>,
}

#[derive(Debug, Default)]
struct Said {
    lines: Mutex<Lines>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<String>,
    /// Pipes at their end.
    closed: usize,
}

/// A command whose process is killed when this one ends; as the user `user`, if one is given.
#[must_use]
pub fn command(program: &str, user: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    // Where servers are installed; a user's own search path leaves it out.
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/local/sbin:/usr/sbin"));
    command.args(["--pdeathsig", "KILL"]);
    if let Some(user) = user {
        command.args(["--reuid", user, "--regid", user, "--init-groups"]);
    }
    command.arg(program);
    command
}

/// Runs a command to its end.
///
/// # Panics
/// When it fails, with what it said.
#[must_use]
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

type Job = (Command, mpsc::Sender<std::io::Result<Child>>);

/// The kernel ends a child with the thread that made it, so one thread makes all and lives as long as the process.
fn spawn(command: Command) -> Child {
    static SPAWNER: LazyLock<Mutex<mpsc::Sender<Job>>> = LazyLock::new(|| {
        let (jobs, inbox) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let shown = format!("{command:?}");
    let (reply, child) = mpsc::channel();
    SPAWNER.lock().unwrap().send((command, reply)).unwrap();
    child.recv().unwrap().unwrap_or_else(|error| panic!("{shown}: {error}"))
}

impl Said {
    fn hear(self: &Arc<Self>, pipe: impl Read + Send + 'static) {
        let said = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                said.push(String::from_utf8_lossy(&line).into_owned());
            }
            said.lines.lock().unwrap().closed += 1;
            said.news.notify_all();
        });
    }

    fn push(&self, line: String) {
        let mut lines = self.lines.lock().unwrap();
        if lines.kept.len() == LINES {
            lines.kept.pop_front();
        }
        lines.kept.push_back(line);
        self.news.notify_all();
    }

    fn tail(&self) -> String {
        let lines = self.lines.lock().unwrap();
        let skipped = lines.kept.len().saturating_sub(TAIL);
        lines.kept.iter().skip(skipped).fold(String::new(), |text, line| text + "    " + line + "\n")
    }
}

impl Process {
    /// Starts a process; `name` is for messages.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(name: &str, mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command);
        let said = Arc::new(Said::default());
        said.hear(child.stdout.take().unwrap());
        said.hear(child.stderr.take().unwrap());
        Self { name: name.to_owned(), child, said }
    }

    /// Waits until a line contains `text`; that line.
    ///
    /// # Panics
    /// When the process ends or a minute passes before.
    #[must_use]
    pub fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = self.said.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.kept.iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let over = left.is_zero() || lines.closed == 2;
            if over {
                drop(lines);
                panic!("{} did not say {text:?}:\n{}", self.name, self.said.tail());
            }
            lines = self.said.news.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Its process ID.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended.
    #[must_use]
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal; one that has ended hears nothing.
    pub fn signal(&self, signal: Signal) {
        let _ = rustix::process::kill_process(pid(self.child.id()), signal);
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    /// When that takes longer than a minute.
    pub fn wait(&mut self) -> ExitStatus {
        if let Some(handle) = open(self.child.id()) {
            assert!(ends(&handle), "{} does not end:\n{}", self.name, self.said.tail());
        }
        self.child.wait().unwrap()
    }

    /// Kills it with all its children, at once, and waits until they are gone.
    pub fn kill(&mut self) {
        // A stopped parent makes no more children while they are counted.
        self.signal(Signal::STOP);
        let children = children(self.child.id());
        let handles: Vec<_> = children.iter().filter_map(|&child| open(child)).collect();
        self.signal(Signal::KILL);
        for &child in &children {
            let _ = rustix::process::kill_process(pid(child), Signal::KILL);
        }
        let _ = self.child.wait();
        handles.iter().for_each(|handle| assert!(ends(handle), "a child of {} does not end", self.name));
    }

    /// CPU time used by it and its children so far.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let own = ticks(self.child.id(), true);
        let theirs: u64 = children(self.child.id()).into_iter().map(|child| ticks(child, false)).sum();
        Duration::from_millis((own + theirs) * 1000 / rustix::param::clock_ticks_per_second())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} said:\n{}", self.name, self.said.tail());
        }
        if self.is_running() {
            self.kill();
        }
    }
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
}

fn open(id: u32) -> Option<rustix::fd::OwnedFd> {
    rustix::process::pidfd_open(pid(id), PidfdFlags::empty()).ok()
}

/// Waits for the end of the process behind a handle.
fn ends(handle: &rustix::fd::OwnedFd) -> bool {
    let limit = rustix::event::Timespec { tv_sec: i64::try_from(PATIENCE.as_secs()).unwrap(), tv_nsec: 0 };
    rustix::event::poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&limit)).is_ok_and(|ended| ended > 0)
}

/// The fields of `/proc/ID/stat` after the name, which may contain anything: state, parent, ...
fn stat(id: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

/// The processes whose parent is `id`.
#[must_use]
pub fn children(id: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&other| stat(other).is_some_and(|fields| fields[1] == id.to_string()))
        .collect()
}

/// Clock ticks of a process, and of its children that have ended.
fn ticks(id: u32, with_ended: bool) -> u64 {
    let Some(fields) = stat(id) else { return 0 };
    let counted = if with_ended { 11..15 } else { 11..13 };
    fields[counted].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = command("sh", None);
        command.args(["-c", script]);
        Process::start("sh", command)
    }

    #[test]
    fn what_a_process_says_is_heard() {
        let process = shell("echo one; echo two >&2; exec sleep 100");
        assert_eq!((process.wait_for("on"), process.wait_for("tw")), ("one".to_owned(), "two".to_owned()));
    }

    #[test]
    #[should_panic(expected = "did not say \"three\"")]
    fn a_process_that_ends_is_not_waited_for() {
        let _ = shell("echo one").wait_for("three");
    }

    #[test]
    fn a_kill_takes_the_children_too() {
        let mut process = shell("sleep 100 & sleep 100 & echo ready; wait");
        let _ = process.wait_for("ready");
        let children = children(process.id());
        assert_eq!(children.len(), 2);
        process.kill();
        assert!(children.iter().all(|&child| stat(child).is_none_or(|fields| fields[0] == "Z")));
    }
}
