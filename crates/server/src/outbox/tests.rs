//! What the outbox does for a connection, and with a socket.

use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use tokio::net::{TcpListener, TcpStream};

use super::*;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Reader {
    outbox: Arc<Outbox>,
    woken: Arc<Count>,
}

impl Reader {
    fn of(most: usize) -> Self {
        Self { outbox: Outbox::new(most, None), woken: Arc::default() }
    }

    fn take(&self, most: usize) -> Poll<(Option<Closing>, Vec<String>)> {
        let mut taken = Vec::new();
        let waker = Waker::from(Arc::clone(&self.woken));
        let closing = self.outbox.poll_take(&mut Context::from_waker(&waker), &mut taken, most);
        closing.map(|closing| (closing, taken.iter().map(ToString::to_string).collect()))
    }

    fn write(&self) -> Poll<()> {
        let waker = Waker::from(Arc::clone(&self.woken));
        self.outbox.poll_closing(&mut Context::from_waker(&waker))
    }

    fn wakes(&self) -> usize {
        self.woken.0.swap(0, Ordering::SeqCst)
    }
}

#[test]
fn one_wake_up_brings_all_there_is_in_order() {
    let reader = Reader::of(8);
    let ticket = reader.outbox.begin();
    assert!(reader.take(8).is_pending());
    let _ = reader.outbox.push("event".into());
    ticket.answer("answer".to_owned());
    assert_eq!(reader.wakes(), 1);
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["event".to_owned(), "answer".to_owned()])));
    assert!(reader.take(8).is_pending());
}

#[test]
fn who_answers_itself_is_not_woken() {
    let reader = Reader::of(8);
    assert!(reader.take(8).is_pending());
    reader.outbox.begin().answer("answer".to_owned());
    assert_eq!(reader.wakes(), 0);
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["answer".to_owned()])));
    assert!(reader.take(8).is_pending());
    let _ = reader.outbox.push("event".into());
    assert_eq!(reader.wakes(), 1);
}

#[test]
fn no_more_is_taken_than_was_asked_for() {
    let reader = Reader::of(8);
    for n in 0..3 {
        let _ = reader.outbox.push(n.to_string().into());
    }
    assert_eq!(reader.take(2), Poll::Ready((None, vec!["0".to_owned(), "1".to_owned()])));
    assert_eq!(reader.take(2), Poll::Ready((None, vec!["2".to_owned()])));
}

#[test]
fn a_full_outbox_sends_its_client_away_and_the_first_reason_counts() {
    let reader = Reader::of(2);
    let _ = reader.outbox.push("1".into());
    let _ = reader.outbox.push("2".into());
    assert_eq!(reader.outbox.closing(), None);
    // Answers have a limit of their own.
    reader.outbox.begin().answer("3".to_owned());
    assert_eq!(reader.outbox.closing(), None);
    let _ = reader.outbox.push("4".into());
    let slow = Closing { code: CloseCode::TooSlow, last: None };
    assert_eq!(reader.outbox.closing(), Some(slow.clone()));
    reader.outbox.close(Closing { code: CloseCode::LoginEnded, last: None });
    assert_eq!(reader.take(8), Poll::Ready((Some(slow), Vec::new())));
}

#[test]
fn who_writes_is_woken_by_a_reason_to_close_only() {
    let reader = Reader::of(8);
    assert!(reader.write().is_pending());
    let _ = reader.outbox.push("event".into());
    reader.outbox.begin().answer("answer".to_owned());
    assert_eq!(reader.wakes(), 0);
    reader.outbox.close(Closing { code: CloseCode::Restarting, last: None });
    assert_eq!(reader.wakes(), 1);
    assert!(reader.write().is_ready());
}

#[test]
fn a_request_that_ends_without_an_answer_closes_the_socket() {
    let reader = Reader::of(8);
    assert!(reader.take(8).is_pending());
    let ticket = reader.outbox.begin();
    assert_eq!(reader.outbox.under_way(), 1);
    drop(ticket);
    assert_eq!((reader.outbox.under_way(), reader.wakes()), (0, 1));
    assert!(reader.outbox.closing().is_some_and(|closing| closing.code == CloseCode::Restarting));
}

/// A wire, the connection's other half of it, and the client's side.
async fn wire() -> (Wire, tokio::net::tcp::OwnedReadHalf, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap().into_std().unwrap();
    client.set_nonblocking(false).unwrap();
    let (reading, writing) = listener.accept().await.unwrap().0.into_split();
    reading.as_ref().writable().await.unwrap();
    (Wire::new(writing), reading, client)
}

fn heard(client: &mut std::net::TcpStream, bytes: usize) -> Vec<u8> {
    let mut heard = vec![0; bytes];
    client.read_exact(&mut heard).unwrap();
    heard
}

#[tokio::test]
async fn who_sleeps_is_written_to_and_not_woken() {
    let (wire, _reading, mut client) = wire().await;
    let reader = Reader { outbox: Outbox::new(8, Some(wire)), woken: Arc::default() };
    assert!(reader.take(8).is_pending());
    assert!(reader.outbox.push("one".into()));
    assert!(!reader.outbox.push("two".into()), "it is due already");
    reader.outbox.write(&mut Vec::new());
    assert_eq!(heard(&mut client, 10), b"\x81\x03one\x81\x03two");
    assert!(reader.outbox.push("three".into()), "it is due anew");
    reader.outbox.write(&mut vec![1, 2, 3]);
    assert_eq!(heard(&mut client, 7), b"\x81\x05three");
    assert!(reader.take(8).is_pending());
    assert_eq!(reader.wakes(), 0);
}

#[tokio::test]
async fn nobody_writes_for_one_who_is_awake_or_asked_for_something() {
    let (wire, reading, mut client) = wire().await;
    let reader = Reader { outbox: Outbox::new(8, Some(wire)), woken: Arc::default() };
    let write = || reader.outbox.write(&mut Vec::new());
    // It never slept yet.
    assert!(!reader.outbox.push("1".into()));
    write();
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["1".to_owned()])));
    // It is about to write what it took.
    assert!(!reader.outbox.push("2".into()));
    write();
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["2".to_owned()])));
    assert!(reader.write().is_pending());
    assert!(!reader.outbox.push("3".into()));
    write();
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["3".to_owned()])));
    // It sleeps, and waits for an answer that is to go out with the event.
    let ticket = reader.outbox.begin();
    assert!(reader.take(8).is_pending());
    assert!(!reader.outbox.push("4".into()));
    assert_eq!(reader.wakes(), 1);
    ticket.answer("5".to_owned());
    write();
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["4".to_owned(), "5".to_owned()])));
    // Something else woke it after it was due.
    assert!(reader.take(8).is_pending());
    assert!(reader.outbox.push("6".into()));
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["6".to_owned()])));
    write();
    assert!(reader.take(8).is_pending());
    // It is told to go.
    assert!(reader.outbox.push("7".into()));
    reader.outbox.close(Closing { code: CloseCode::Restarting, last: None });
    write();
    drop((reader, reading));
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"", "nothing of it was written from here");
}

#[tokio::test]
async fn the_connection_ends_what_the_socket_does_not_take() {
    let (wire, _reading, mut client) = wire().await;
    let reader = Reader { outbox: Outbox::new(8, Some(wire.clone())), woken: Arc::default() };
    let frame = Utf8Bytes::from("x".repeat(10_000));
    let mut written = 0;
    assert!(reader.take(8).is_pending());
    while reader.wakes() == 0 {
        assert!(reader.outbox.push(frame.clone()));
        reader.outbox.write(&mut Vec::new());
        written += 1;
    }
    assert!(!reader.outbox.push("after it".into()));
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["after it".to_owned()])));
    let mut rest = reader.outbox.take_rest();
    assert!(!rest.is_empty() && rest.len() <= 10_004, "{}", rest.len());
    let expected = [b"\x81\x7e\x27\x10", frame.as_bytes()].concat().repeat(written);
    let hearing = tokio::task::spawn_blocking(move || heard(&mut client, expected.len()) == expected);
    wire.write_all(&mut rest).await.unwrap();
    assert!(rest.is_empty() && hearing.await.unwrap());
}

#[tokio::test]
async fn a_connection_is_woken_for_what_is_too_long_or_has_no_socket() {
    let (wire, _reading, mut client) = wire().await;
    let reader = Reader { outbox: Outbox::new(8, Some(wire)), woken: Arc::default() };
    assert!(reader.take(8).is_pending());
    for bytes in [WRITE_BYTES, WRITE_BYTES + 1] {
        let frame = "x".repeat(bytes);
        assert!(reader.outbox.push(frame.clone().into()));
        reader.outbox.write(&mut Vec::new());
        let fits = bytes == WRITE_BYTES;
        assert_eq!(reader.wakes(), usize::from(!fits));
        if fits {
            assert_eq!(heard(&mut client, bytes + 4)[4..], *frame.as_bytes());
        } else {
            assert_eq!(reader.take(8), Poll::Ready((None, vec![frame])));
        }
    }
    assert!(reader.take(8).is_pending());
    assert!(reader.outbox.push("late".into()));
    assert!(reader.outbox.take_wire().is_empty());
    reader.outbox.write(&mut Vec::new());
    assert_eq!(reader.wakes(), 1);
    assert_eq!(reader.take(8), Poll::Ready((None, vec!["late".to_owned()])));
}

#[tokio::test]
async fn a_socket_that_is_gone_is_for_the_connection_to_see() {
    let (wire, _reading, client) = wire().await;
    let reader = Reader { outbox: Outbox::new(8, Some(wire.clone())), woken: Arc::default() };
    drop(client);
    wire.shut_down().unwrap();
    assert!(reader.take(8).is_pending());
    assert!(reader.outbox.push("lost".into()));
    reader.outbox.write(&mut Vec::new());
    assert_eq!(reader.wakes(), 1);
    assert!(wire.write_all(&mut reader.outbox.take_rest()).await.is_err());
}
