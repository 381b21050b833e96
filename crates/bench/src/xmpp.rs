//! A client of an XMPP server: RFC 6120 over TCP, RFC 7395 over WebSocket, stream management (XEP-0198) and groups
//! (XEP-0045). It scans what comes and parses nothing.
//!
//! A text to a user is answered by the server's count of what it has taken (`<a/>`), asked for with each text. A text to
//! a group is answered by its own copy, which the server sends with the archive's ID; that count would come before it.

mod aim;
mod element;
mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use memchr::memmem::Finder;

use self::aim::Aim;
pub use self::wire::Wire;
use crate::session::{Ask, Closed, Heard, Session, Target};
use crate::stamp::{Stamp, number};
use crate::{Outcome, websocket};

/// The server's name, of which users and groups are.
pub const DOMAIN: &str = "localhost";
/// The service of the groups.
pub const ROOMS: &str = "rooms.localhost";
/// Everyone's password.
pub const PASSWORD: &str = "secret";

static SUBJECT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("<subject"));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("type='error'"));
static PING: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("id='p"));
static COUNT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("h='"));

/// What the login waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The features of the stream, then whether the password is right.
    Password,
    /// The features of the new stream, then the name of this client.
    Name,
    /// The own presence, and all groups.
    Presence,
    /// Nothing.
    Done,
}

/// One client of a user.
#[derive(Debug)]
pub struct Client {
    wire: Wire,
    server: SocketAddr,
    user: String,
    number: u32,
    groups: Vec<String>,
    aims: Vec<Aim>,
    step: Step,
    upgraded: bool,
    /// Groups that have let this client in.
    joined: usize,
    present: bool,
    management: Option<Management>,
}

/// Counts of stream management, from the moment it is switched on.
#[derive(Debug, Default)]
struct Management {
    sent: u32,
    received: u32,
    /// Texts not yet answered: the number of each among what was sent, and its time.
    waiting: VecDeque<(u32, u64)>,
}

impl Client {
    /// Client `number` of a user of this server, in these groups.
    #[must_use]
    pub fn new(wire: Wire, server: SocketAddr, user: &str, number: u32, groups: &[String]) -> Self {
        Self {
            wire,
            server,
            user: user.to_owned(),
            number,
            groups: groups.to_vec(),
            aims: Vec::new(),
            step: Step::Password,
            upgraded: wire == Wire::Tcp,
            joined: 0,
            present: false,
            management: None,
        }
    }

    fn say(&self, stanza: &str, out: &mut Vec<u8>) {
        self.wire.frame(stanza.as_bytes(), out);
    }

    fn features(&mut self, out: &mut Vec<u8>) {
        let stanza = if self.step == Step::Password {
            let credentials = BASE64_STANDARD.encode(format!("\0{}\0{PASSWORD}", self.user));
            format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{credentials}</auth>")
        } else {
            let (space, number) = (self.wire.namespace(), self.number);
            let bind = format!(
                "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>c{number}</resource></bind>"
            );
            format!("<iq{space} type='set' id='bind'>{bind}</iq>")
        };
        self.say(&stanza, out);
    }

    /// The server knows this client: it says that it is there, and enters its groups.
    fn enter(&mut self, out: &mut Vec<u8>) {
        self.step = Step::Presence;
        let (space, nick) = (self.wire.namespace(), format!("{}-{}", self.user, self.number));
        self.say(&format!("<presence{space}/>"), out);
        for group in &self.groups {
            let muc = "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>";
            self.say(&format!("<presence{space} to='{group}@{ROOMS}/{nick}'>{muc}</presence>"), out);
        }
    }

    fn hear(&mut self, element: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<()> {
        match element {
            [b'<', b'm', ..] => self.message(element, heard)?,
            [b'<', b'a', ..] => self.answer(element, heard),
            [b'<', b'r', ..] => self.acknowledge(out),
            [b'<', b'p', ..] => self.presence(element)?,
            [b'<', b'i', ..] => self.iq(element, out, heard)?,
            [b'<', b's', b'u', ..] => {
                self.step = Step::Name;
                out.extend_from_slice(&self.wire.header());
            }
            _ if element.starts_with(b"<stream:features") => self.features(out),
            // The count starts anew with the server's word.
            _ if element.starts_with(b"<enabled") => {
                if let Some(management) = &mut self.management {
                    management.received = 0;
                }
            }
            _ if element.starts_with(b"<?xml") || element.starts_with(b"<stream:stream") => {}
            _ if element.starts_with(b"<open") => {}
            _ => return Err(refusal(element)),
        }
        if self.step == Step::Presence && self.present && self.joined == self.groups.len() {
            self.step = Step::Done;
            heard.ready = true;
        }
        Ok(())
    }

    fn received(&mut self) {
        if let Some(management) = &mut self.management {
            management.received = management.received.wrapping_add(1);
        }
    }

    fn message(&mut self, element: &[u8], heard: &mut Heard) -> Outcome<()> {
        self.received();
        match Stamp::find(element) {
            Some((stamp, _)) if stamp.sender != self.number => heard.deliveries.push(stamp.time),
            // Only groups send a text back to who wrote it; servers bounce what they refuse with the text in it.
            Some(_) if ERROR.find(element).is_some() => return Err(refusal(element)),
            Some((stamp, _)) => heard.answers.push(stamp.time),
            None if ERROR.find(element).is_some() => return Err(refusal(element)),
            None if SUBJECT.find(element).is_some() => self.joined += 1,
            None => heard.others += 1,
        }
        Ok(())
    }

    fn presence(&mut self, element: &[u8]) -> Outcome<()> {
        self.received();
        if ERROR.find(element).is_some() {
            return Err(refusal(element));
        }
        self.present = true;
        Ok(())
    }

    fn iq(&mut self, element: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<()> {
        self.received();
        if ERROR.find(element).is_some() {
            return Err(refusal(element));
        }
        if self.step == Step::Name {
            self.enter(out);
        } else if let Some(time) = digits_behind(&PING, element) {
            heard.replies.push(time);
        } else {
            heard.others += 1;
        }
        Ok(())
    }

    fn answer(&mut self, element: &[u8], heard: &mut Heard) {
        let (Some(management), Some(count)) = (&mut self.management, digits_behind(&COUNT, element)) else {
            return;
        };
        while let Some(&(place, time)) = management.waiting.front() {
            if u64::from(place) > count {
                break;
            }
            heard.answers.push(time);
            management.waiting.pop_front();
        }
    }

    fn acknowledge(&self, out: &mut Vec<u8>) {
        if let Some(management) = &self.management {
            self.say(&format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", management.received), out);
        }
    }

    fn sent(&mut self) {
        if let Some(management) = &mut self.management {
            management.sent = management.sent.wrapping_add(1);
        }
    }
}

impl Session for Client {
    fn open(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.wire.opening(self.server));
    }

    fn take(&mut self, input: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize> {
        let mut used = 0;
        if !self.upgraded {
            let Some(length) = websocket::opened(input)? else { return Ok(0) };
            (self.upgraded, used) = (true, length);
            out.extend_from_slice(&self.wire.header());
        }
        loop {
            let next = self.wire.next(&input[used..], out);
            let next = next.map_err(|why| Closed(format!("{why}; the login's step: {:?}", self.step)))?;
            let Some((element, length)) = next else { break };
            if let Some(element) = element {
                self.hear(element, out, heard)?;
            }
            used += length;
        }
        Ok(used)
    }

    fn aim(&mut self, to: &Target, bytes: usize) -> usize {
        self.aims.push(Aim::new(self.wire, to, bytes));
        self.aims.len() - 1
    }

    fn send(&mut self, aim: usize, stamp: Stamp, out: &mut Vec<u8>) {
        let Some(aim) = self.aims.get(aim) else { return };
        let direct = aim.is_direct();
        if direct && self.management.is_none() {
            self.management = Some(Management::default());
            self.wire.frame(b"<enable xmlns='urn:xmpp:sm:3'/>", out);
        }
        aim.write(stamp, out);
        self.sent();
        if direct && let Some(management) = &mut self.management {
            management.waiting.push_back((management.sent, stamp.time));
        }
    }

    fn beat(&mut self, time: u64, out: &mut Vec<u8>) {
        let space = self.wire.namespace();
        let ping = "<ping xmlns='urn:xmpp:ping'/>";
        self.say(&format!("<iq{space} type='get' to='{DOMAIN}' id='p{time}'>{ping}</iq>"), out);
        self.sent();
    }

    fn ask(&mut self, ask: &Ask, _: u64, _: &mut Vec<u8>) -> Outcome<()> {
        Err(format!("XMPP servers are not asked for {ask:?} here").into())
    }
}

fn digits_behind(mark: &Finder<'_>, element: &[u8]) -> Option<u64> {
    let rest = &element[mark.find(element)? + mark.needle().len()..];
    number(&rest[..rest.iter().position(|byte| !byte.is_ascii_digit())?])
}

/// An error with what the server said.
fn refusal(element: &[u8]) -> Box<dyn std::error::Error + Send + Sync> {
    format!("the server refuses: {}", String::from_utf8_lossy(element)).into()
}

/// What registers accounts in one connection (XEP-0077), without logging in.
#[must_use]
pub fn registration(users: &[String]) -> Vec<u8> {
    let mut out = Wire::Tcp.header();
    for user in users {
        let account = format!("<username>{user}</username><password>{PASSWORD}</password>");
        let query = format!("<query xmlns='jabber:iq:register'>{account}</query>");
        out.extend_from_slice(format!("<iq type='set' id='{user}'>{query}</iq>").as_bytes());
    }
    out
}

#[cfg(test)]
mod tests;
