//! The `lethe` command.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lethe_server::{Config, Options, Running};
use tokio::signal::unix::{SignalKind, signal};

/// Requests and frames are many small blocks of many threads; see docs/performance.md for what it is worth.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted chat server with the public API of Tencent Cloud Chat's web SDK.
#[derive(Debug, Parser)]
#[command(name = "lethe", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve clients until SIGTERM or SIGINT.
    Serve {
        #[command(flatten)]
        options: Box<Options>,
        /// Accept that acknowledged commits are missing at the end of a damaged database, and go on without them.
        #[arg(long)]
        salvage: bool,
        /// Print how to sign in: SDKAppID, secret key, console password, addresses.
        #[arg(long)]
        welcome: bool,
    },
    /// Print a UserSig, the token with which a user logs in.
    Usersig {
        /// The user.
        user_id: String,
        /// Seconds for which it is valid.
        #[arg(long, default_value_t = 15_552_000)]
        expire: i64,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Erase what is due in a store that no server has open.
    Erase {
        /// Rewrite the store's files, and check that nothing of what is erased is left in it.
        #[arg(long)]
        verify: bool,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Write a back-up of everything into a new file, also while the server runs.
    Backup {
        /// The file.
        #[arg(long)]
        to: PathBuf,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Make a new data directory of a back-up, and apply the deletions of the journal's copy that are newer.
    Restore {
        /// The file.
        #[arg(long)]
        from: PathBuf,
        #[command(flatten)]
        options: Box<Options>,
    },
    /// Print the example of a configuration file.
    ConfigExample,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve { options, salvage, welcome } => serve(*options, salvage, welcome),
        Command::Usersig { user_id, expire, options } => usersig(*options, &user_id, expire),
        Command::Erase { verify, options } => erase(*options, verify),
        Command::Backup { to, options } => backup(*options, &to),
        Command::Restore { from, options } => restore(*options, &from),
        Command::ConfigExample => print(&lethe_server::example()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "lethe: {error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn print(text: &str) -> Outcome {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn usersig(options: Options, user_id: &str, expire: i64) -> Outcome {
    if !lethe_protocol::user_id_is_valid(user_id) {
        return Err(format!("{user_id:?} is not a user ID: 1 to 32 printable ASCII characters").into());
    }
    let config = Config::resolve(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let identity = runtime.block_on(lethe_server::identity_of(&config))?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    print(&format!(
        "{}\n",
        lethe_server::mint(identity.sdk_app_id, &identity.secret_key, user_id, now, expire)
    ))
}

fn erase(options: Options, verify: bool) -> Outcome {
    let config = Config::resolve(options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(lethe_server::erase(config, verify))?;
    print(&report.to_string())
}

fn backup(options: Options, to: &Path) -> Outcome {
    let config = Config::resolve(options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let size = runtime.block_on(lethe_server::backup(config, to))?;
    print(&format!("{} rows, {} bytes in {}\n", size.rows, size.bytes, to.display()))
}

fn restore(options: Options, from: &Path) -> Outcome {
    let config = Config::resolve(options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let restored = runtime.block_on(lethe_server::restore(config, from))?;
    print(&format!("{} rows, and {} newer deletions applied\n", restored.rows, restored.deletions))
}

fn serve(options: Options, salvage: bool, welcome: bool) -> Outcome {
    let config = Config::resolve(options)?;
    tracing_subscriber::fmt()
        .with_env_filter(config.log.as_str())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        // Before anybody is told that the server is there, it knows how to end well.
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let running = lethe_server::start(config, salvage).await?;
        if welcome {
            greet(&running)?;
        }
        print(&format!("lethe ready at http://{}\n", running.address))?;
        let shutdown = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        Ok(running.run(shutdown).await?)
    });
    // Connections that did not leave in time must not hold the process.
    runtime.shutdown_background();
    outcome
}

fn greet(running: &Running) -> Outcome {
    let (address, identity) = (running.address, &running.identity);
    print(&format!(
        "\n  Lethe {}\n\n  Demo chat         http://{address}/\n  Console           http://{address}/console/\n  \
         Console password  {}\n\n  SDKAppID          {}\n  Secret key        {}\n  SDK address       ws://{address}\n\n",
        env!("CARGO_PKG_VERSION"),
        identity.console_password,
        identity.sdk_app_id,
        identity.secret_key,
    ))
}
