//! `lethe backup` and `lethe restore`: everything of one moment in one file, and back, with the deletions that are newer.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};

use lethe_protocol::Code;
use lethe_store::{Backup, BackupSize, DataDirectory, Store, StoreError};
use serde_json::Value;

use crate::config::{Config, EngineName};
use crate::context::{Context, now_ms};
use crate::failure::{Failure, Result};
use crate::journal::{Replayed, replay};
use crate::serve::{StartError, identity_of, offline};
use crate::usersig;

/// What `lethe restore` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Rows of the back-up.
    pub rows: u64,
    /// Rows of the deletion journal that were newer, and are applied.
    pub deletions: u64,
    /// Server time in ms of the back-up.
    pub time: u64,
}

/// Writes a back-up of the running store into a new file on this machine. Others go on meanwhile.
///
/// Whoever can write into the data directory may name any path: `lethe backup` shows so by a `proof` that it left there.
/// Administrators, who may be on other machines, name a file in the directory for back-ups.
pub(crate) async fn back_up(cx: &Context, path: &Path, proof: Option<&str>) -> Result<(PathBuf, BackupSize)> {
    let refuse = |code, message: String| Failure::refuse(code, message);
    let path = match proof {
        Some(proof) => {
            if !path.is_absolute() || !is_proven(&cx.config.data, proof) {
                let message = "a path needs the right to write into the data directory: use lethe backup";
                return Err(refuse(Code::CONVERSATION_PARAMETER, message.to_owned()));
            }
            path.to_owned()
        }
        None => {
            let mut parts = path.components();
            let (Some(Component::Normal(name)), None) = (parts.next(), parts.next()) else {
                let message = "Path is the name of a new file in the directory for back-ups".to_owned();
                return Err(refuse(Code::CONVERSATION_PARAMETER, message));
            };
            let directory = cx.config.backups_directory();
            let made = std::fs::create_dir_all(&directory);
            made.map_err(|error| refuse(Code::EXPORT_FAILED, format!("{}: {error}", directory.display())))?;
            directory.join(name)
        }
    };
    let size = cx.store.back_up(&path, Backup::new(&cx.identity, cx.now())).await;
    match size {
        Ok(size) => Ok((path, size)),
        Err(error @ StoreError::Directory(_)) => Err(refuse(Code::EXPORT_FAILED, error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// The file in the data directory in which `lethe backup` leaves its proof while it asks.
const PROOF: &str = "backup-request";

fn is_proven(data: &Path, proof: &str) -> bool {
    !proof.is_empty() && std::fs::read_to_string(data.join(PROOF)).is_ok_and(|kept| kept == proof)
}

/// Writes a back-up into a new file: of a store that nobody serves, or by asking the server that does.
///
/// # Errors
/// See [`StartError`].
pub async fn backup(config: Config, path: &Path) -> std::result::Result<BackupSize, StartError> {
    if !config.database_url.is_empty() {
        let message = "a database is backed up by its own means: see docs/backup.md".to_owned();
        return Err(StoreError::Directory(message).into());
    }
    if DataDirectory::is_in_use(&config.data) {
        return ask_server(config, path).await;
    }
    let path = std::path::absolute(path).map_err(|error| StoreError::Directory(error.to_string()))?;
    let (cx, _directory) = offline(config).await?;
    let size = cx.store.back_up(&path, Backup::new(&cx.identity, now_ms())).await;
    cx.store.close().await?;
    Ok(size?)
}

/// Makes a new data directory of a back-up, and applies the deletions of the journal's copy (`--deletion-journal`) that
/// are newer than it.
///
/// # Errors
/// See [`StartError`]. A directory that was begun is removed.
pub async fn restore(config: Config, from: &Path) -> std::result::Result<Restored, StartError> {
    if !config.database_url.is_empty() || config.engine == EngineName::Memory {
        let message =
            "a back-up is restored into a data directory: name no database and no engine".to_owned();
        return Err(StoreError::Directory(message).into());
    }
    let data = config.data.clone();
    if std::fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is not empty: restore into a new directory", data.display());
        return Err(StoreError::Directory(message).into());
    }
    let restored = fill(config, from).await;
    if restored.is_err() {
        let _ = std::fs::remove_dir_all(&data);
    }
    restored
}

async fn fill(config: Config, from: &Path) -> std::result::Result<Restored, StartError> {
    let directory = DataDirectory::open(&config.data)?;
    let (backup, rows) = Store::fill(&directory, from).await?;
    directory.keep_identity(&backup.identity())?;
    drop(directory);
    let journal = config.deletion_journal.clone();
    let (cx, _directory) = offline(config).await?;
    let replayed =
        if journal.as_os_str().is_empty() { Ok(Replayed::default()) } else { replay(&cx, &journal).await };
    cx.store.close().await?;
    let deletions = replayed?.applied;
    Ok(Restored { rows, deletions, time: backup.time })
}

/// The name under which `lethe backup` asks a running server: whoever has the app's key may use it, and nobody can log in
/// as it.
pub(crate) const OPERATOR: &str = "@TIM#OPERATOR";

/// Asks the server that has the data directory open for a back-up.
async fn ask_server(config: Config, path: &Path) -> std::result::Result<BackupSize, StartError> {
    let identity = identity_of(&config).await?;
    let listen = config.listen;
    let refuse = |error: String| {
        let sentence = format!("the server at {listen} did not make the back-up: {error}");
        StartError::Store(StoreError::Directory(sentence))
    };
    let path = std::path::absolute(path).map_err(|error| refuse(error.to_string()))?;
    let sig = usersig::mint(identity.sdk_app_id, &identity.secret_key, OPERATOR, now_ms() / 1000, 60);
    let url = format!(
        "http://{listen}/v4/lethe_backup/create?sdkappid={}&identifier=%40TIM%23OPERATOR&usersig={sig}",
        identity.sdk_app_id,
    );
    let (proof, kept) = (format!("{:032x}", rand::random::<u128>()), config.data.join(PROOF));
    let mut file = OpenOptions::new();
    let file = file.create(true).truncate(true).write(true).mode(0o600).open(&kept);
    file.and_then(|mut file| file.write_all(proof.as_bytes())).map_err(|error| refuse(error.to_string()))?;
    let body = serde_json::json!({"Path": path, "Proof": proof});
    let asked = tokio::task::spawn_blocking(move || -> std::result::Result<Value, ureq::Error> {
        ureq::post(&url).send_json(body)?.body_mut().read_json()
    });
    let answer = asked.await;
    let _ = std::fs::remove_file(&kept);
    let answer = answer.map_err(|error| refuse(error.to_string()))?;
    let answer = answer.map_err(|error| refuse(error.to_string()))?;
    if answer["ErrorCode"] != 0 {
        return Err(refuse(answer["ErrorInfo"].as_str().unwrap_or_default().to_owned()));
    }
    let number = |name: &str| answer[name].as_u64().unwrap_or_default();
    Ok(BackupSize { rows: number("Rows"), bytes: number("Bytes") })
}
