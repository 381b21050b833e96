//! Lethe as a child process.

mod session;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use lethe_client::{Client, Credentials};
use lethe_cluster_tests::process::{self, Process};
use lethe_protocol::{Added, ChangeMembers, CreateGroup, GroupPatch, GroupType, OneGroup, Request};
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub use self::session::LetheSession;
use crate::Outcome;
use crate::system::{Identity, Link, System};

/// The app of all benches.
pub const APP: u32 = 1_400_000_000;
/// Its key.
pub const KEY: &str = "bench";
/// Members added in one call.
const MEMBERS_STEP: usize = 100;

/// A server with a data directory of its own. Dropping it kills it and removes the directory.
pub struct Lethe {
    identity: Identity,
    address: SocketAddr,
    arguments: Vec<String>,
    process: Option<Process>,
    home: TempDir,
}

/// The binary under test.
///
/// # Errors
/// When it is not there.
pub fn binary() -> Outcome<PathBuf> {
    let path = match std::env::var_os("LETHE_BENCH_BINARY") {
        Some(path) => PathBuf::from(path),
        None => std::env::current_exe()?.with_file_name("lethe"),
    };
    path.canonicalize().map_err(|_| {
        let shown = path.display();
        format!("{shown} is missing: cargo build --release --bin lethe, or set LETHE_BENCH_BINARY").into()
    })
}

/// What the program says, and the first digits of the SHA-256 of its file: figures of two builds of one version differ.
fn version() -> Outcome<String> {
    let path = binary()?;
    let said = String::from_utf8(Command::new(&path).arg("--version").output()?.stdout)?;
    let hash = Sha256::digest(std::fs::read(path)?);
    let build: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}, build {build}", said.trim().trim_start_matches("lethe ")))
}

impl Lethe {
    /// Starts one on an empty data directory within `base`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn start(base: &Path) -> Outcome<Self> {
        Self::start_filled(base, |_| Ok(()))
    }

    /// Starts one on a data directory that `fill` has made.
    ///
    /// # Errors
    /// When it is not there, or what `fill` says.
    pub fn start_filled(base: &Path, fill: impl FnOnce(&Path) -> Outcome<()>) -> Outcome<Self> {
        let mut lethe = Self::prepare(base)?;
        fill(&lethe.data())?;
        lethe.restart()?;
        // A group of ten thousand clients has two of each member.
        lethe.rest("lethe_config/set", r#"{"OnlineWebInstances":10}"#)?;
        Ok(lethe)
    }

    /// One of several that share a database and a bus.
    ///
    /// # Errors
    /// When it is not there.
    pub fn start_node(base: &Path, database_url: &str, nats: &str) -> Outcome<Self> {
        let mut lethe = Self::prepare(base)?;
        lethe.arguments = ["--database-url", database_url, "--nats", nats].map(str::to_owned).into();
        lethe.identity.durability = "committed by PostgreSQL, which has synced it".to_owned();
        lethe.restart()?;
        Ok(lethe)
    }

    /// Everything but the process.
    fn prepare(base: &Path) -> Outcome<Self> {
        let home = tempfile::Builder::new().prefix("lethe-bench-").tempdir_in(base)?;
        let identity = Identity {
            name: "lethe".to_owned(),
            version: version()?,
            durability: "synced to disk (fdatasync of the journal, group commit)".to_owned(),
            command: "LETHE_SDKAPPID=1400000000 LETHE_SECRET_KEY=bench LETHE_LOG=warn \
                      lethe serve --listen 127.0.0.1:PORT --data DIR; lethe_config/set OnlineWebInstances 10"
                .to_owned(),
        };
        let data = home.path().join("data").to_string_lossy().into_owned();
        let arguments = vec!["--data".to_owned(), data];
        let address = SocketAddr::from(([127, 0, 0, 1], lethe_cluster_tests::ports::free()));
        Ok(Self { identity, address, arguments, process: None, home })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Stops the process where it is, until [`Lethe::resume`]: neither timers nor threads of it run.
    pub fn suspend(&self) {
        self.process.iter().for_each(|process| process.signal(Signal::STOP));
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.process.iter().for_each(|process| process.signal(Signal::CONT));
    }

    /// A token for a user.
    #[must_use]
    pub fn user_sig(user: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        lethe_server::mint(APP, KEY, user, now, 86_400)
    }

    /// What a client of the native library signs in with.
    #[must_use]
    pub fn credentials(user: &str, instance: &str) -> Credentials {
        Credentials {
            sdk_app_id: APP,
            user_id: user.to_owned(),
            user_sig: Self::user_sig(user),
            instance: instance.to_owned(),
        }
    }

    /// A socket of client number `client` of a user.
    #[must_use]
    pub fn session(&self, user: &str, client: u32) -> LetheSession {
        LetheSession::new(self.address, user, client)
    }

    /// Calls the REST API as the administrator: the answer, with its head.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn rest(&self, path: &str, body: &str) -> Outcome<String> {
        let mut socket = TcpStream::connect(self.address)?;
        let (address, length) = (self.address, body.len());
        let sig = Self::user_sig("administrator");
        write!(
            socket,
            "POST /v4/{path}?sdkappid={APP}&identifier=administrator&usersig={sig}&random=1 HTTP/1.1\r\n\
             Host: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        if answer.contains(r#""ErrorCode":0"#) {
            return Ok(answer);
        }
        Err(format!("{path}: {answer}").into())
    }

    async fn make_group(&self, group: &str, members: &[String]) -> Outcome<()> {
        let (owner, others) = members.split_first().ok_or("a group has members")?;
        let client = Client::connect(self.address, &Self::credentials(owner, "control"), None).await?;
        let create = CreateGroup {
            group_id: Some(group.to_owned()),
            group_type: GroupType::Private,
            name: group.to_owned(),
            profile: GroupPatch::default(),
            max_member_count: None,
            members: Vec::new(),
        };
        let _: OneGroup = client.request(Request::CreateGroup(create)).await?;
        for step in others.chunks(MEMBERS_STEP) {
            let change =
                ChangeMembers { group_id: group.to_owned(), user_ids: step.to_vec(), reason: String::new() };
            let added: Added = client.request(Request::AddMembers(change)).await?;
            if added.added.len() != step.len() {
                return Err(format!("{} of {} members added", added.added.len(), step.len()).into());
            }
        }
        Ok(())
    }
}

impl System for Lethe {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn processes(&self) -> Vec<u32> {
        self.process.iter().map(Process::id).collect()
    }

    fn data_directory(&self) -> Option<PathBuf> {
        Some(self.data())
    }

    fn add_users(&mut self, users: &[String]) -> Outcome<()> {
        // Several at once share a commit.
        let share = users.len().div_ceil(16).max(1);
        std::thread::scope(|scope| {
            let this = &*self;
            let import = |users: &[String]| -> Outcome<()> {
                let path = "im_open_login_svc/account_import";
                users
                    .iter()
                    .try_for_each(|user| this.rest(path, &format!(r#"{{"UserID":"{user}"}}"#)).map(drop))
            };
            let running: Vec<_> =
                users.chunks(share).map(|users| scope.spawn(move || import(users))).collect();
            running.into_iter().try_for_each(|one| one.join().map_err(|_| "an import ended badly")?)
        })
    }

    fn add_group(&mut self, group: &str, members: &[String]) -> Outcome<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.make_group(group, members))
    }

    fn links(&self, user: &str, client: u32, _: &[String]) -> Outcome<Vec<Link>> {
        Ok(vec![Link { address: self.address, session: Box::new(self.session(user, client)) }])
    }

    fn crash(&mut self) -> Outcome<()> {
        let mut process = self.process.take().ok_or("it does not run")?;
        process.kill();
        Ok(())
    }

    fn stop(&mut self) -> Outcome<()> {
        let mut process = self.process.take().ok_or("it does not run")?;
        process.signal(Signal::TERM);
        let status = process.wait();
        if status.success() { Ok(()) } else { Err(format!("lethe ended with {status}").into()) }
    }

    fn restart(&mut self) -> Outcome<()> {
        let path = binary()?;
        let mut command = process::command(path.to_str().ok_or("a path in UTF-8")?, None);
        command.args(["serve", "--listen", &self.address.to_string()]).args(&self.arguments);
        command.env("LETHE_SDKAPPID", APP.to_string()).env("LETHE_SECRET_KEY", KEY).env("LETHE_LOG", "warn");
        command.current_dir(self.home.path());
        let process = Process::start("lethe", command);
        let _ = process.wait_for("lethe ready at http://");
        self.process = Some(process);
        Ok(())
    }
}
