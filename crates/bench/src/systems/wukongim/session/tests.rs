//! What the server's documents say, played by hand: no server is installed here.

use super::*;
use crate::stamp::{TIME_BASE, text};

fn said(object: &str) -> Vec<u8> {
    let mut frame = Vec::new();
    let begin = websocket::write(websocket::TEXT, object.as_bytes(), &mut frame);
    // Servers do not mask.
    frame[1] &= 0x7F;
    frame.drain(begin - 4..begin);
    frame
}

fn hear(session: &mut WukongimSession, input: &[u8]) -> (String, Heard) {
    let (mut out, mut heard) = (Vec::new(), Heard::default());
    assert_eq!(session.take(input, &mut out, &mut heard).unwrap(), input.len());
    (String::from_utf8_lossy(&out).into_owned(), heard)
}

fn connected() -> WukongimSession {
    let mut session = WukongimSession::new(([127, 0, 0, 1], 5200).into(), "alice", 1);
    let (out, _) = hear(&mut session, b"HTTP/1.1 101 Switching Protocols\r\n\r\n");
    assert!(out.contains(r#""method":"connect","id":"connect","params":{"uid":"alice""#), "{out}");
    let answer = r#"{"jsonrpc":"2.0","id":"connect","result":{"serverKey":"k","salt":"s","timeDiff":0,"reasonCode":1}}"#;
    assert!(hear(&mut session, &said(answer)).1.ready);
    session
}

#[test]
fn a_text_is_sent_and_answered() {
    let mut session = connected();
    let aim = session.aim(&Target::User("bob".to_owned()), 100);
    let (mut out, time) = (Vec::new(), TIME_BASE + 5);
    session.send(aim, Stamp { time, sender: 1 }, &mut out);
    let request = String::from_utf8_lossy(&out[8..]).into_owned();
    let request: serde_json::Value = serde_json::from_str(&request).unwrap();
    assert_eq!(
        (&request["id"], &request["params"]["clientMsgNo"]),
        (&time.to_string().into(), &time.to_string().into())
    );
    assert_eq!(request["params"]["payload"]["content"].as_str().map(str::len), Some(100));
    let answer = format!(r#"{{"id":"{time}","result":{{"messageId":"7","messageSeq":1,"reasonCode":1}}}}"#);
    assert_eq!(hear(&mut session, &said(&answer)).1.answers, [time]);
}

#[test]
fn texts_are_counted_and_acknowledged_one_by_one() {
    let mut session = connected();
    let mut content = text(100, 1);
    Stamp { time: TIME_BASE + 9, sender: 2 }.write(&mut content);
    let content = String::from_utf8(content).unwrap();
    let received = |seq: u32| {
        let payload = format!(r#"{{"type":1,"content":"{content}"}}"#);
        let ids = format!(r#""messageId":"70{seq}","messageSeq":{seq},"timestamp":1"#);
        format!(
            r#"{{"jsonrpc":"2.0","method":"recv","params":{{{ids},"fromUid":"bob","payload":{payload}}}}}"#
        )
    };
    let (out, heard) = hear(&mut session, &said(&(received(1) + &received(2))));
    assert_eq!(heard.deliveries, [TIME_BASE + 9; 2]);
    assert!(out.contains(r#""params":{"messageId":"701","messageSeq":1}}"#), "{out}");
    assert!(out.contains(r#""params":{"messageId":"702","messageSeq":2}}"#), "{out}");
}

#[test]
fn a_heartbeat_is_answered_and_a_refusal_ends_the_run() {
    let mut session = connected();
    session.beat(17, &mut Vec::new());
    assert_eq!(hear(&mut session, &said(r#"{"jsonrpc":"2.0","method":"pong"}"#)).1.replies, [17]);
    for refusal in
        [r#"{"id":"1000000000000001","result":{"reasonCode":13}}"#, r#"{"method":"disconnect","params":{}}"#]
    {
        assert!(session.take(&said(refusal), &mut Vec::new(), &mut Heard::default()).is_err());
    }
}
