//! 33 and 34: erasing happens behind everybody's back, and by one worker at a time. The rest of the group has stories of
//! its own in `erasure.rs` beside this directory.

use serde_json::{Value, json};

use crate::erasure::erased;
use crate::support::{World, user};

const SAID: usize = 1_500;

async fn written(world: &World) -> (crate::support::Actor, crate::support::Actor) {
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    let to = user("alice");
    for _ in 0..SAID / 50 {
        futures_util::future::join_all((0..50).map(|_| bob.say(&to, "words"))).await;
    }
    (alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_33_hidden_at_once_and_erased_in_steps_while_others_write() {
    let world = World::new().await;
    let (alice, bob) = written(&world).await;
    world.configure(json!({"ErasureGrace": 0, "DeleteForEveryone": "all"})).await;
    alice.delete(&[&user("bob")], true).await;
    bob.delete(&[&user("alice")], true).await;
    // Whatever the eraser has done by now, nothing of it is seen, and the conversation goes on in between.
    let mut said = Vec::new();
    loop {
        assert_eq!(alice.reads(&user("bob")).await, said);
        said.push(format!("new {}", said.len()));
        bob.say(&user("alice"), &said[said.len() - 1]).await;
        let answer = world.rest("lethe_deletion/queue", json!({})).await;
        let done = answer["Eraser"]["erased"].as_u64().unwrap();
        assert!(done <= SAID as u64, "only what was deleted: {answer}");
        if done == SAID as u64 || said.len() == 90 {
            break;
        }
    }
    erased(&world, SAID as u64).await;
    assert_eq!(alice.reads(&user("bob")).await, said);
    assert_eq!(alice.unread(&user("bob")).await as usize, said.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_34_nodes_do_not_erase_the_same_twice() {
    let world = World::new().await;
    let (alice, bob) = written(&world).await;
    world.configure(json!({"ErasureGrace": 0})).await;
    alice.delete(&[&user("bob")], true).await;
    bob.delete(&[&user("alice")], true).await;
    let eraser = erased(&world, SAID as u64).await;
    assert_eq!(eraser["erased"], SAID);
    let journal = world.rest("lethe_deletion/journal", json!({})).await;
    let rows: Vec<&Value> =
        journal["Entries"].as_array().unwrap().iter().filter(|row| row["kind"] == "erase").collect();
    let counts: Vec<u64> = rows.iter().map(|row| row["removed"][0]["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [SAID as u64], "one worker, one row: {rows:?}");
}
