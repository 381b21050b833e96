//! A server played by hand.

use super::*;
use crate::stamp::{TIME_BASE, text};

fn hear(client: &mut Client, input: &str) -> (String, Heard) {
    let (mut out, mut heard) = (Vec::new(), Heard::default());
    assert_eq!(client.take(input.as_bytes(), &mut out, &mut heard).unwrap(), input.len());
    (String::from_utf8(out).unwrap(), heard)
}

fn logged_in(groups: &[String]) -> Client {
    let mut client = Client::new(Wire::Tcp, ([127, 0, 0, 1], 5222).into(), "alice", 1, groups);
    let start = "<?xml version='1.0'?><stream:stream id='1'><stream:features><a/></stream:features>";
    assert!(hear(&mut client, start).0.contains("mechanism='PLAIN'"));
    assert!(hear(&mut client, "<success xmlns='x'/>").0.starts_with("<?xml"));
    assert!(hear(&mut client, start).0.contains("<resource>c1</resource>"));
    assert!(hear(&mut client, "<iq id='bind' type='result'><bind/></iq>").0.starts_with("<presence/>"));
    client
}

fn message(kind: &str, stamp: Stamp) -> String {
    let mut body = text(100, 1);
    stamp.write(&mut body);
    format!("<message type='{kind}'><body>{}</body></message>", String::from_utf8(body).unwrap())
}

#[test]
fn a_client_is_ready_when_it_and_its_groups_know() {
    let mut client = logged_in(&["g".to_owned()]);
    assert!(!hear(&mut client, "<presence from='alice@localhost/c1'/>").1.ready);
    let subject = "<message type='groupchat'><subject/></message>";
    assert!(hear(&mut client, subject).1.ready);
}

#[test]
fn a_text_to_a_user_is_answered_by_the_count() {
    let mut client = logged_in(&[]);
    let aim = client.aim(&Target::User("bob".to_owned()), 100);
    let mut out = Vec::new();
    for time in [TIME_BASE + 1, TIME_BASE + 2, TIME_BASE + 3] {
        client.send(aim, Stamp { time, sender: 1 }, &mut out);
    }
    let out = String::from_utf8(out).unwrap();
    assert_eq!((out.matches("<enable ").count(), out.matches("<r ").count()), (1, 3));
    let answered = hear(&mut client, "<enabled xmlns='x'/><a h='2' xmlns='x'/>").1.answers;
    assert_eq!(answered, [TIME_BASE + 1, TIME_BASE + 2]);
    assert_eq!(hear(&mut client, "<a h='3'/>").1.answers, [TIME_BASE + 3]);
    // And it says itself how many it has.
    let other = message("chat", Stamp { time: TIME_BASE + 9, sender: 2 });
    let (out, heard) = hear(&mut client, &format!("{other}<r xmlns='x'/>"));
    assert_eq!(
        (heard.deliveries.as_slice(), out.as_str()),
        ([TIME_BASE + 9].as_slice(), "<a xmlns='urn:xmpp:sm:3' h='1'/>")
    );
}

#[test]
fn a_text_to_a_group_is_answered_by_its_copy() {
    let mut client = logged_in(&[]);
    let aim = client.aim(&Target::Group("g".to_owned()), 100);
    let (mut out, stamp) = (Vec::new(), Stamp { time: TIME_BASE + 4, sender: 1 });
    client.send(aim, stamp, &mut out);
    assert!(!String::from_utf8(out).unwrap().contains("<r "));
    assert_eq!(hear(&mut client, &message("groupchat", stamp)).1.answers, [TIME_BASE + 4]);
    let bounced = message("error", stamp);
    assert!(client.take(bounced.as_bytes(), &mut Vec::new(), &mut Heard::default()).is_err());
}

#[test]
fn a_heartbeat_carries_its_time() {
    let mut client = logged_in(&[]);
    client.beat(TIME_BASE, &mut Vec::new());
    let answer = format!("<iq from='localhost' id='p{TIME_BASE}' type='result'/>");
    assert_eq!(hear(&mut client, &answer).1.replies, [TIME_BASE]);
}
