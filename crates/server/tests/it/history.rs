use lethe_protocol::{GetHistory, History, Request};

use crate::support::{Actor, World, user, words};

async fn page(actor: &Actor, before: Option<u64>, after: Option<u64>, limit: u32) -> (Vec<String>, bool) {
    let request = GetHistory { conversation_id: user("bob"), before, after, limit };
    let history: History = actor.ask(Request::GetHistory(request)).await;
    (history.messages.iter().map(|message| words(message)).collect(), history.complete)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_both_ways_and_say_when_they_end() {
    let world = World::new().await;
    let (alice, bob) = (world.log_in("alice").await, world.log_in("bob").await);
    for n in 1..=7 {
        bob.say(&user("alice"), &n.to_string()).await;
    }
    let pages =
        |words: &[&str], complete| (words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>(), complete);
    assert_eq!(page(&alice, None, None, 3).await, pages(&["5", "6", "7"], false));
    assert_eq!(page(&alice, Some(5), None, 3).await, pages(&["2", "3", "4"], false));
    assert_eq!(page(&alice, Some(2), None, 3).await, pages(&["1"], true));
    assert_eq!(page(&alice, Some(4), None, 3).await, pages(&["1", "2", "3"], true));
    assert_eq!(page(&alice, None, Some(0), 3).await, pages(&["1", "2", "3"], false));
    assert_eq!(page(&alice, None, Some(3), 100).await, pages(&["4", "5", "6", "7"], true));
    assert_eq!(page(&alice, Some(6), Some(3), 100).await, pages(&["4", "5"], true));
    assert_eq!(page(&alice, Some(0), None, 3).await, pages(&[], true));
    assert_eq!(page(&alice, None, Some(u64::MAX), 3).await, pages(&[], true));
    assert_eq!(page(&alice, Some(u64::MAX), None, 1).await, pages(&["7"], false));
}
