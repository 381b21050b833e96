//! What a node does because there are others.

use std::sync::{Arc, Weak};
use std::time::Duration;

use lethe_store::{Audience, Locks};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::bus::Heard;
use crate::bus::subject::Subject;
use crate::bus::word::{Said, Word};
use crate::context::Context;
use crate::failure::Result;
use crate::handlers::session;

/// How often a node says that it is there.
const ALIVE: Duration = Duration::from_secs(1);
/// Settings are read again in every so many of those, should the word of a change be lost.
const SETTINGS_EVERY: u64 = 5;

/// Follows the bus until the server ends.
pub(crate) async fn follow(
    cx: Weak<Context>,
    mut heard: mpsc::Receiver<Heard>,
    mut moved: mpsc::UnboundedReceiver<String>,
) {
    let mut ticks = interval(ALIVE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beats = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let Some(cx) = cx.upgrade() else { return };
                beat(&cx, beats);
                beats += 1;
            }
            Some(user_id) = moved.recv() => {
                let Some(cx) = cx.upgrade() else { return };
                tokio::spawn(read_memberships(cx, user_id));
            }
            Some(heard) = heard.recv() => {
                let Some(cx) = cx.upgrade() else { return };
                match heard {
                    Heard::Said(subject, said) => hear(&cx, subject, said),
                    Heard::Gap => {
                        cx.hub.verify_all();
                        if let Some(bus) = cx.hub.bus() {
                            // What this node had to say was lost as well.
                            bus.say(Subject::Nodes, Word::Verify);
                        }
                    }
                }
            }
        }
    }
}

fn beat(cx: &Arc<Context>, beats: u64) {
    let (users, clients) = cx.hub.count();
    if let Some(bus) = cx.hub.bus() {
        bus.say(Subject::Nodes, Word::Alive { users: users as u64, clients: clients as u64 });
    }
    if beats % SETTINGS_EVERY == SETTINGS_EVERY - 1 {
        tokio::spawn(read_settings(Arc::clone(cx)));
    }
}

fn hear(cx: &Arc<Context>, subject: Subject, said: Said) {
    let Said { by, word } = said;
    if let Some(bus) = cx.hub.bus() {
        bus.heard_from(by);
    }
    match (subject, word) {
        (Subject::User(user_id), Word::Event { instance: None, frame }) => {
            cx.hub.deliver(&Audience::Users(vec![user_id]), &frame);
        }
        (Subject::User(user_id), Word::Event { instance: Some(instance), frame }) => {
            cx.hub.deliver(&Audience::Client { user_id, instance }, &frame);
        }
        (Subject::Group(group_id), Word::Event { frame, .. }) => {
            cx.hub.deliver(&Audience::Group(group_id), &frame);
        }
        (Subject::Group(group_id), Word::Dissolved) => cx.hub.dissolve(&group_id),
        (Subject::User(user_id), Word::Memberships) => {
            tokio::spawn(read_memberships(Arc::clone(cx), user_id));
        }
        (Subject::User(user_id), Word::Clients { clients, fresh, ask }) => {
            cx.hub.elsewhere(&user_id, by, clients, fresh.as_deref(), ask);
        }
        (Subject::User(user_id), Word::Kick) => cx.hub.kick(&user_id),
        (Subject::Nodes, Word::Settings) => {
            tokio::spawn(read_settings(Arc::clone(cx)));
        }
        (Subject::Nodes, Word::Verify) => cx.hub.verify_all(),
        (_, word) => hear_of_nodes(cx, by, word),
    }
}

fn hear_of_nodes(cx: &Context, by: u64, word: Word) {
    let Some(bus) = cx.hub.bus() else { return };
    match word {
        Word::Alive { users, clients } => bus.heard_of(by, users, clients),
        Word::WhoIsOnline { question, users } => {
            let (users, _) = cx.hub.online_here(&users);
            bus.say(Subject::Node(by), Word::Online { question, users });
        }
        Word::Online { question, users } => bus.answered(question, users),
        _ => {}
    }
}

/// Lets a user's clients here hear the groups that the user is in now. What came between the change and this is asked for.
async fn read_memberships(cx: Arc<Context>, user_id: String) {
    if let Err(failure) = check_memberships(&cx, &user_id, true).await {
        tracing::debug!(?failure, "memberships are read at the next heartbeat");
    }
}

/// See [`read_memberships`]; with `moved` the user's clients are asked where they stand in any case.
pub(crate) async fn check_memberships(cx: &Context, user_id: &str, moved: bool) -> Result<()> {
    let Some(bus) = cx.hub.bus() else { return Ok(()) };
    let groups = session::groups(cx, user_id).await?;
    if cx.hub.follow(user_id, &groups) || moved {
        bus.barrier().await;
        cx.hub.verify(user_id);
    }
    Ok(())
}

async fn read_settings(cx: Arc<Context>) {
    let read = async { cx.store.begin(Locks::none()).await?.settings().await };
    match read.await {
        Ok(settings) => cx.hub.set_settings(Arc::new(settings)),
        Err(error) => tracing::debug!(%error, "settings are read again soon"),
    }
}
