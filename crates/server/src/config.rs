//! Every setting of the server: one line each here gives the flag, the environment variable, the key of the TOML file,
//! the help text and the commented example file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A setting that cannot be used, in one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

macro_rules! config {
    ($(#[doc = $doc:literal] $name:ident: $type:ty, $env:literal, $default:expr, $example:literal;)*) => {
        /// What was said on the command line, in the environment or in the file.
        #[derive(Clone, Debug, Default, clap::Args, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct Options {
            $(#[doc = $doc] #[arg(long, env = $env)] pub $name: Option<$type>,)*
            /// TOML file with settings; what is said on the command line or in the environment wins.
            #[arg(long, env = "LETHE_CONFIG", value_name = "FILE")]
            #[serde(skip)]
            pub config: Option<PathBuf>,
        }

        /// The settings in effect.
        #[derive(Clone, Debug)]
        pub struct Config {
            $(#[doc = $doc] pub $name: $type,)*
        }

        impl Options {
            fn over(self, file: Self) -> Config {
                Config { $($name: self.$name.or(file.$name).unwrap_or_else(|| $default),)* }
            }
        }

        /// The example file: every setting with its meaning and its default, commented out.
        #[must_use]
        pub fn example() -> String {
            let mut out = String::from("# Settings of a Lethe server, with their defaults.\n# lethe serve --config lethe.toml\n");
            $(
                out.push_str(&format!("\n#{}\n# Environment: {}\n# {} = {}\n", $doc, $env, stringify!($name).replace('_', "-"), $example));
            )*
            out
        }
    };
}

config! {
    #[doc = " Address and port to listen on; port 0 picks a free one."]
    listen: SocketAddr, "LETHE_LISTEN", SocketAddr::from((Ipv4Addr::LOCALHOST, 7700)), "\"127.0.0.1:7700\"";
    #[doc = " Directory for everything the server keeps; made if it is missing."]
    data: PathBuf, "LETHE_DATA", PathBuf::from("data"), "\"data\"";
    #[doc = " Where messages are kept: fjall (on disk) or memory (gone with the process)."]
    engine: EngineName, "LETHE_ENGINE", EngineName::Fjall, "\"fjall\"";
    #[doc = " PostgreSQL database that several nodes share, instead of a data directory: postgres://user:password@host,host/database?options; empty for none."]
    database_url: String, "LETHE_DATABASE_URL", String::new(), "\"\"";
    #[doc = " File with the certificates in PEM that sign the database's, with sslmode=require; empty for the system's."]
    database_ca: PathBuf, "LETHE_DATABASE_CA", PathBuf::new(), "\"\"";
    #[doc = " Connections of this node to the database. 3 to 1000."]
    database_connections: usize, "LETHE_DATABASE_CONNECTIONS", 24, "24";
    #[doc = " NATS servers that join the nodes of one database: nats://host,nats://host; empty for a node alone."]
    nats: String, "LETHE_NATS", String::new(), "\"\"";
    #[doc = " SDKAppID of the app; 0 takes the one in the data directory, or makes one at the first start."]
    sdkappid: u32, "LETHE_SDKAPPID", 0, "0";
    #[doc = " Key that signs UserSigs; empty takes the one in the data directory, or makes one at the first start."]
    secret_key: String, "LETHE_SECRET_KEY", String::new(), "\"\"";
    #[doc = " Password of the console; empty takes the one in the data directory, or makes one at the first start."]
    console_password: String, "LETHE_CONSOLE_PASSWORD", String::new(), "\"\"";
    #[doc = " Whether the demo at / signs anybody in: on, off, or auto (only on a loopback address, by its own name, not through a proxy)."]
    demo: DemoMode, "LETHE_DEMO", DemoMode::Auto, "\"auto\"";
    #[doc = " Seconds without a word after which a client counts as gone; clients speak every 25 s. 5 to 60."]
    idle_seconds: u32, "LETHE_IDLE_SECONDS", 55, "55";
    #[doc = " Frames that may wait for one slow client before it is sent away to resume. 16 to 65536."]
    outbox_frames: usize, "LETHE_OUTBOX_FRAMES", 8192, "8192";
    #[doc = " Seconds that a stop waits for clients and requests. 1 to 300."]
    drain_seconds: u32, "LETHE_DRAIN_SECONDS", 10, "10";
    #[doc = " Directory for exported conversations; empty for exports in the data directory."]
    exports: PathBuf, "LETHE_EXPORTS", PathBuf::new(), "\"\"";
    #[doc = " Directory for back-ups that administrators ask for over REST; empty for backups in the data directory."]
    backups: PathBuf, "LETHE_BACKUPS", PathBuf::new(), "\"\"";
    #[doc = " File to which the deletion journal is copied line by line, best on another disk: a restored back-up catches up with it; empty for none."]
    deletion_journal: PathBuf, "LETHE_DELETION_JOURNAL", PathBuf::new(), "\"\"";
    #[doc = " Messages that the eraser removes in a second at most, while nobody else writes: the more others do, the slower it goes. 100 to 1000000."]
    erase_rate: u64, "LETHE_ERASE_RATE", 50_000, "50000";
    #[doc = " What is logged to standard error, as a filter of the tracing crate."]
    log: String, "LETHE_LOG", "info".to_owned(), "\"info\"";
}

/// The embedded engines by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// On disk.
    Fjall,
    /// Gone with the process.
    Memory,
}

/// Whether the demo signs anybody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum DemoMode {
    /// Only when listening on a loopback address.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Config {
    /// Command line and environment over the file over the defaults.
    ///
    /// # Errors
    /// One sentence for a file that cannot be read or a setting out of range.
    pub fn resolve(options: Options) -> Result<Self, ConfigError> {
        let file = options.config.as_deref().map_or(Ok(Options::default()), read_file)?;
        let config = options.over(file);
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        within("idle-seconds", u64::from(self.idle_seconds), 5, 60)?;
        within("outbox-frames", self.outbox_frames as u64, 16, 65536)?;
        within("database-connections", self.database_connections as u64, 3, 1000)?;
        if !self.nats.is_empty() && self.database_url.is_empty() {
            return Err(ConfigError(
                "nats joins nodes that share a database: set database-url too".to_owned(),
            ));
        }
        within("drain-seconds", u64::from(self.drain_seconds), 1, 300)?;
        within("erase-rate", self.erase_rate, 100, 1_000_000)?;
        if self.log.parse::<tracing_subscriber::EnvFilter>().is_err() {
            return Err(ConfigError(format!("log: {:?} is not a filter", self.log)));
        }
        Ok(())
    }

    /// Where exported conversations go.
    #[must_use]
    pub fn exports_directory(&self) -> PathBuf {
        self.or_in_data(&self.exports, "exports")
    }

    /// Where back-ups go that administrators ask for.
    #[must_use]
    pub fn backups_directory(&self) -> PathBuf {
        self.or_in_data(&self.backups, "backups")
    }

    fn or_in_data(&self, configured: &Path, name: &str) -> PathBuf {
        if configured.as_os_str().is_empty() { self.data.join(name) } else { configured.to_owned() }
    }

    /// Whether the demo signs anybody in, on this address.
    #[must_use]
    pub fn demo_is_on(&self) -> bool {
        match self.demo {
            DemoMode::Auto => self.listen.ip().is_loopback(),
            DemoMode::On => true,
            DemoMode::Off => false,
        }
    }
}

fn within(name: &str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError(format!("{name} is {least} to {most}, not {value}")))
}

fn read_file(path: &Path) -> Result<Options, ConfigError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError(format!("{shown} cannot be read: {error}")))?;
    toml::from_str(&text).map_err(|error| ConfigError(format!("{shown}: {}", error.message())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_file_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lethe.example.toml");
        if std::env::var_os("LETHE_GENERATE").is_some() {
            std::fs::write(&path, example()).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == example(),
            "lethe.example.toml is stale: LETHE_GENERATE=1 cargo test -p lethe-server example"
        );
    }

    #[test]
    fn the_example_uncommented_gives_the_defaults() {
        let settings: String = example()
            .lines()
            .filter_map(|l| l.strip_prefix("# "))
            .filter(|l| l.contains(" = "))
            .fold(String::new(), |text, line| text + line + "\n");
        let file: Options = toml::from_str(&settings).unwrap();
        let config = Options::default().over(file);
        let defaults = Options::default().over(Options::default());
        assert_eq!(format!("{config:?}"), format!("{defaults:?}"));
        config.check().unwrap();
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "idle-seconds = 20\ndrain-seconds = 3\n").unwrap();
        let options =
            Options { idle_seconds: Some(30), config: Some(file.path().to_owned()), ..Options::default() };
        let config = Config::resolve(options).unwrap();
        assert_eq!((config.idle_seconds, config.drain_seconds), (30, 3));
    }

    #[test]
    fn bad_settings_are_refused_in_a_sentence() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (text, word) in [("listn = 1", "listn"), ("idle-seconds = 'x'", "idle-seconds"), ("= ", "")] {
            std::fs::write(file.path(), text).unwrap();
            let options = Options { config: Some(file.path().to_owned()), ..Options::default() };
            let refused = Config::resolve(options).unwrap_err().to_string();
            assert!(refused.contains(word) || !word.is_empty(), "{refused}");
        }
        let set = |n| Options { idle_seconds: Some(n), ..Options::default() };
        for (n, good) in [(4, false), (5, true), (60, true), (61, false)] {
            assert_eq!(Config::resolve(set(n)).is_ok(), good, "{n}");
        }
        let rate = |n| Options { erase_rate: Some(n), ..Options::default() };
        for (n, good) in [(99, false), (100, true), (1_000_000, true), (1_000_001, false)] {
            assert_eq!(Config::resolve(rate(n)).is_ok(), good, "{n}");
        }
    }
}
