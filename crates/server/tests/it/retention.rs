//! Grace periods of what everybody loses, when its floor moves on before they are over, or they become shorter.

use lethe_protocol::GroupType;
use serde_json::json;

use crate::erasure::erased;
use crate::support::{World, group, user};

const HOUR: u64 = 3600 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn inv_42_a_floor_that_moves_every_hour_is_erased_all_the_same() {
    let mut world = World::new().await;
    world.configure(json!({"RetentionDays": 1, "ErasureGrace": 86400})).await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    // Carol never looks at the group: she has cleared nothing, and holds up nothing.
    drop(world.log_in("carol").await);
    alice.create("g", GroupType::Public, &["bob", "carol"]).await;
    for n in 0..3 {
        bob.say(&user("alice"), &format!("{n}")).await;
    }
    world.set_ahead(12 * HOUR);
    for n in 3..6 {
        bob.say(&user("alice"), &format!("{n}")).await;
    }
    // The floor moves after 25 hours, and again after 37, before the first move's grace is over.
    let queue = async |world: &World| world.rest("lethe_deletion/queue", json!({})).await["Eraser"].clone();
    for hours in [25, 37] {
        world.set_ahead(hours * HOUR);
        let left = if hours == 25 { 3 } else { 0 };
        let mut readable = usize::MAX;
        for _ in 0..500 {
            readable = alice.reads(&user("bob")).await.len();
            if readable == left {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(readable, left, "after {hours} hours");
        assert_eq!(queue(&world).await["erased"], 0, "after {hours} hours");
    }
    // How many messages of the two went in each run.
    let runs = async |world: &World| -> Vec<u64> {
        let page = world.rest("lethe_deletion/journal", json!({"Limit": 100})).await;
        let rows = page["Entries"].as_array().unwrap().clone();
        let theirs = rows.iter().filter(|row| row["kind"] == "erase" && row["user"] == "alice");
        let theirs = theirs.filter(|row| row["items"][0]["conversation"] == "C2Cbob");
        theirs.map(|row| row["removed"][0]["count"].as_u64().unwrap()).collect()
    };
    for (hours, expected) in [(50, vec![3]), (62, vec![3, 3])] {
        world.set_ahead(hours * HOUR);
        let mut found = Vec::new();
        for _ in 0..500 {
            found = runs(&world).await;
            if found.len() >= expected.len() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(found, expected, "after {hours} hours");
    }
    assert!(alice.reads(&group("g")).await.is_empty());
    assert_eq!(alice.listed().await.len(), 3, "no conversation is lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_grace_is_true_for_what_waits_already() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    bob.say(&user("alice"), "gone at once").await;
    alice.delete(&[&user("bob")], true).await;
    bob.delete(&[&user("alice")], true).await;
    let queue = world.rest("lethe_deletion/queue", json!({})).await;
    assert_eq!((&queue["Eraser"]["waiting"], &queue["Eraser"]["erased"]), (&json!(1), &json!(0)));
    world.configure(json!({"ErasureGrace": 0})).await;
    erased(&world, 1).await;
}
