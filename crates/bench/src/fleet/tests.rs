//! Logins at a listener that ends some of them.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::session::{Ask, Closed, Session, Target};
use crate::stamp::Stamp;

/// Is ready when the server says `r`, and closed when it says `c`.
struct Login;

impl Session for Login {
    fn open(&mut self, _: &mut Vec<u8>) {}

    fn take(&mut self, input: &[u8], _: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize> {
        if input == b"c" {
            return Err(Closed("not now".to_owned()).into());
        }
        heard.ready = input == b"r";
        Ok(input.len())
    }

    fn aim(&mut self, _: &Target, _: usize) -> usize {
        0
    }

    fn send(&mut self, _: usize, _: Stamp, _: &mut Vec<u8>) {}

    fn beat(&mut self, _: u64, _: &mut Vec<u8>) {}

    fn ask(&mut self, _: &Ask, _: u64, _: &mut Vec<u8>) -> Outcome<()> {
        Ok(())
    }
}

/// Accepts until it is told to end, and says these words first, then only `r`. Keeps what it accepted until its end.
fn serve(listener: &TcpListener, words: &[&[u8]], end: &AtomicBool) {
    let mut words = words.iter();
    let mut streams = Vec::new();
    for mut stream in listener.incoming().flatten() {
        if end.load(Ordering::Acquire) {
            return;
        }
        if stream.write_all(words.next().unwrap_or(&b"r".as_slice())).is_ok() {
            streams.push(stream);
        }
    }
}

/// A thousand logins there.
fn thousand(words: &[&[u8]], again: bool) -> Outcome<Gathered> {
    let (listener, end) = (TcpListener::bind("127.0.0.1:0")?, AtomicBool::new(false));
    let (address, mut fleet) = (listener.local_addr()?, Fleet::new()?);
    std::thread::scope(|scope| {
        scope.spawn(|| serve(&listener, words, &end));
        let links = |_| Ok(vec![Link { address, session: Box::new(Login) }]);
        let gathered =
            if again { fleet.gather_again(1000, 5000.0, links) } else { fleet.gather(1000, 5000.0, links) };
        end.store(true, Ordering::Release);
        TcpStream::connect(address)?;
        gathered
    })
}

#[test]
fn one_login_of_a_thousand_may_be_repeated() {
    let gathered = thousand(&[b"c"], true).unwrap();
    assert_eq!((gathered.ready, gathered.retries), (1000, 1));
    assert!(thousand(&[b"c", b"c"], true).unwrap_err().to_string().ends_with("not now"));
    assert!(thousand(&[b"c"], false).unwrap_err().to_string().ends_with("not now"));
    let gathered = thousand(&[], false).unwrap();
    assert_eq!((gathered.ready, gathered.retries), (1000, 0));
}
