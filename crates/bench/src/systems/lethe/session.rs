//! Lethe's protocol on one socket: text frames with JSON over WebSocket, told apart by how they begin.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use lethe_protocol::{
    ConversationId, DeleteConversations, DeleteItem, ListConversations, Login, OpenConversation,
    PROTOCOL_VERSION, PinConversation, Ping, ReadConversation, Request, Resume,
};
use memchr::memmem;

use super::{APP, Lethe};
use crate::Outcome;
use crate::session::{Ask, Heard, Session, Target};
use crate::stamp::{STAMP_BYTES, Stamp, TIME_BASE, digits, letters, number};
use crate::websocket;

/// Digits of a request's ID: those of a stamp's time. Texts have the time itself, other requests this much more, the
/// login twice as much.
const ID_DIGITS: usize = 16;
const ASKED: u64 = TIME_BASE;
const LOGIN: u64 = 3 * TIME_BASE;
/// Before a text's payload: `{"id":`.
const ID_AT: usize = 6;

/// The number that is a text's own within its second, of all sessions: no two send the same nonce.
static RANDOM: AtomicU32 = AtomicU32::new(1_000_000_000);
/// Digits of it, and of the second.
const NONCE_DIGITS: usize = 10;

enum State {
    Connecting,
    LoggingIn,
    Ready,
}

/// What the one request under way asks for, as its answer has to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Page,
    List,
    Other,
}

/// One socket of one client.
pub struct LetheSession {
    address: SocketAddr,
    client: u32,
    login: Login,
    whole_list: bool,
    state: State,
    frames: Vec<Template>,
    asked: Asked,
    page: Option<(Target, u32)>,
    /// The smallest `seq` of the last page.
    oldest: u64,
    /// Where the state of this client stands, after the login.
    pub resume: Resume,
}

/// The frame of a text, and where its changing parts stand.
struct Template {
    frame: Vec<u8>,
    id: usize,
    second: usize,
    random: usize,
    text: usize,
    bytes: usize,
}

impl LetheSession {
    /// Logs in freshly and takes the first page of the list.
    #[must_use]
    pub fn new(address: SocketAddr, user: &str, client: u32) -> Self {
        let login = Login {
            protocol: PROTOCOL_VERSION,
            sdk_app_id: APP,
            user_id: user.to_owned(),
            user_sig: Lethe::user_sig(user),
            instance: format!("bench-{client}"),
            resume: None,
        };
        Self {
            address,
            client,
            login,
            whole_list: false,
            state: State::Connecting,
            frames: Vec::new(),
            asked: Asked::Other,
            page: None,
            oldest: 0,
            resume: Resume::default(),
        }
    }

    /// Goes on after the login until the whole list is there.
    #[must_use]
    pub fn with_whole_list(mut self) -> Self {
        self.whole_list = true;
        self
    }

    /// Resumes from where an earlier session stood.
    #[must_use]
    pub fn resuming(mut self, resume: Resume) -> Self {
        self.login.resume = Some(resume);
        self
    }

    fn request(id: u64, request: &Request, out: &mut Vec<u8>) {
        websocket::write(websocket::TEXT, request.frame(id).as_bytes(), out);
    }

    fn hear(&mut self, frame: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<()> {
        if frame.starts_with(br#"{"ev":"message""#) {
            match Stamp::find(frame) {
                Some((stamp, _)) if stamp.sender == self.client => heard.echoes += 1,
                Some((stamp, _)) => heard.deliveries.push(stamp.time),
                None => heard.others += 1,
            }
            return Ok(());
        }
        if frame.starts_with(br#"{"ev":"session.kicked""#) {
            return Err(format!("client {} was kicked", self.client).into());
        }
        if frame.starts_with(br#"{"ev""#) {
            heard.others += 1;
            return Ok(());
        }
        let id = frame.get(ID_AT..ID_AT + ID_DIGITS).and_then(number);
        let (Some(id), true) = (id, frame[ID_AT + ID_DIGITS..].starts_with(br#","ok""#)) else {
            return Err(format!("client {}: {}", self.client, String::from_utf8_lossy(frame)).into());
        };
        match id {
            LOGIN.. => self.logged_in(frame, out, heard),
            id if id >= TIME_BASE + ASKED => self.replied(id - ASKED, frame, heard)?,
            id => heard.answers.push(id),
        }
        Ok(())
    }

    /// The answer to the login, or a further page of the list.
    fn logged_in(&mut self, frame: &[u8], out: &mut Vec<u8>, heard: &mut Heard) {
        heard.items += count(frame, br#""conversationId":"#);
        heard.heads += memmem::find_iter(frame, br#""head":"#)
            .filter_map(|at| field(&frame[at..], br#""head":"#))
            .sum::<u64>();
        if let Some(change) = field(frame, br#""change":"#)
            && self.resume.synced_at == 0
        {
            self.resume.change = change;
            self.resume.synced_at = field(frame, br#""time":"#).unwrap_or(0);
        }
        if self.whole_list
            && let Some(at) = memmem::rfind(frame, br#""cursor":""#)
            && let Some(end) = frame[at + 10..].iter().position(|&byte| byte == b'"')
        {
            let cursor = String::from_utf8_lossy(&frame[at + 10..at + 10 + end]).into_owned();
            let list = ListConversations { cursor: Some(cursor), limit: 500 };
            return Self::request(LOGIN, &Request::ListConversations(list), out);
        }
        self.state = State::Ready;
        heard.ready = true;
    }

    fn replied(&mut self, time: u64, frame: &[u8], heard: &mut Heard) -> Outcome<()> {
        match self.asked {
            Asked::Page => {
                heard.items += count(frame, br#"{"seq":"#);
                self.oldest = field(frame, br#"{"seq":"#).unwrap_or(1);
                heard.complete |= frame.ends_with(br#""complete":true}}"#);
            }
            Asked::List => heard.items += count(frame, br#""conversationId":"#),
            Asked::Other => {
                let deleted = memmem::find(frame, br#""deleted":["#).is_some();
                if deleted && memmem::find(frame, br#""failed":[]"#).is_none() {
                    return Err(format!("not all deleted: {}", String::from_utf8_lossy(frame)).into());
                }
            }
        }
        heard.replies.push(time);
        Ok(())
    }

    fn page(&mut self, before: Option<u64>, id: u64, out: &mut Vec<u8>) -> Outcome<()> {
        let (target, limit) = self.page.as_ref().ok_or("no page was asked for yet")?;
        let before = before.map_or_else(String::new, |seq| format!(r#","before":{seq}"#));
        let request = format!(
            r#"{{"id":{id},"op":"messages.history","d":{{"conversationId":"{}","limit":{limit}{before}}}}}"#,
            conversation(target)
        );
        websocket::write(websocket::TEXT, request.as_bytes(), out);
        Ok(())
    }
}

impl Session for LetheSession {
    fn open(&mut self, out: &mut Vec<u8>) {
        websocket::open(self.address, "/ws", None, out);
    }

    fn take(&mut self, input: &[u8], out: &mut Vec<u8>, heard: &mut Heard) -> Outcome<usize> {
        let mut used = 0;
        if matches!(self.state, State::Connecting) {
            let Some(end) = websocket::opened(input)? else { return Ok(0) };
            used = end;
            Self::request(LOGIN, &Request::Login(self.login.clone()), out);
            self.state = State::LoggingIn;
        }
        while let Some(frame) = websocket::read(input, used) {
            used = frame.payload.end;
            let payload = &input[frame.payload];
            match frame.kind {
                websocket::TEXT => self.hear(payload, out, heard)?,
                websocket::PING => {
                    websocket::write(websocket::PONG, payload, out);
                }
                websocket::PONG => {}
                _ => return Err(format!("client {} was closed by the server", self.client).into()),
            }
        }
        Ok(used)
    }

    fn aim(&mut self, to: &Target, bytes: usize) -> usize {
        let (bytes, to) = (bytes.max(STAMP_BYTES), conversation(to));
        let id = TIME_BASE;
        let head = format!(r#"{{"id":{id},"op":"messages.send","d":{{"conversationId":"{to}","clientTime":"#);
        let middle = r#"1000000000,"random":"#;
        let body = r#"1000000000,"body":[{"MsgType":"TIMTextElem","MsgContent":{"Text":""#;
        let payload = format!(r#"{head}{middle}{body}{}"}}}}]}}}}"#, ".".repeat(bytes));
        let mut frame = Vec::new();
        let begin = websocket::write(websocket::TEXT, payload.as_bytes(), &mut frame);
        let second = begin + head.len();
        let random = second + middle.len();
        let text = random + body.len();
        self.frames.push(Template { frame, id: begin + ID_AT, second, random, text, bytes });
        self.frames.len() - 1
    }

    fn send(&mut self, aim: usize, stamp: Stamp, out: &mut Vec<u8>) {
        let Some(template) = self.frames.get_mut(aim) else { return };
        let Template { frame, id, second, random, text, bytes } = template;
        digits(stamp.time, &mut frame[*id..*id + ID_DIGITS]);
        // As clients do, and their clocks go forward.
        let now = UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        digits(now, &mut frame[*second..*second + NONCE_DIGITS]);
        let number = RANDOM.fetch_add(1, Ordering::Relaxed);
        digits(number.into(), &mut frame[*random..*random + NONCE_DIGITS]);
        let text = &mut frame[*text..*text + *bytes];
        stamp.write(text);
        letters(&mut text[STAMP_BYTES..], stamp.time);
        out.extend_from_slice(frame);
    }

    fn beat(&mut self, time: u64, out: &mut Vec<u8>) {
        self.asked = Asked::Other;
        Self::request(time + ASKED, &Request::Ping(Ping::default()), out);
    }

    fn ask(&mut self, ask: &Ask, time: u64, out: &mut Vec<u8>) -> Outcome<()> {
        let id = time + ASKED;
        self.asked = match ask {
            Ask::Newest(..) | Ask::Older => Asked::Page,
            Ask::List(_) => Asked::List,
            _ => Asked::Other,
        };
        let request = match ask {
            Ask::Newest(target, limit) => {
                self.page = Some((target.clone(), *limit));
                return self.page(None, id, out);
            }
            Ask::Older => return self.page(Some(self.oldest), id, out),
            Ask::List(limit) => Request::ListConversations(ListConversations { cursor: None, limit: *limit }),
            Ask::Read(target) => Request::ReadConversation(ReadConversation {
                conversation_id: conversation(target),
                up_to: None,
            }),
            Ask::Pin(target, pinned) => Request::PinConversation(PinConversation {
                conversation_id: conversation(target),
                pinned: *pinned,
            }),
            Ask::Delete { which, clear } => {
                let item = |target| DeleteItem { conversation_id: conversation(target), anchor: None };
                let items = which.iter().map(item).collect();
                Request::DeleteConversations(DeleteConversations {
                    items,
                    clear_history: *clear,
                    ..DeleteConversations::default()
                })
            }
            Ask::Open(target) => {
                Request::OpenConversation(OpenConversation { conversation_id: conversation(target) })
            }
        };
        Self::request(id, &request, out);
        Ok(())
    }
}

fn conversation(target: &Target) -> ConversationId {
    match target {
        Target::User(user) => ConversationId::User(user.clone()),
        Target::Group(group) => ConversationId::Group(group.clone()),
    }
}

fn count(text: &[u8], what: &[u8]) -> u64 {
    memmem::find_iter(text, what).count() as u64
}

/// The number behind the first `name`.
fn field(text: &[u8], name: &[u8]) -> Option<u64> {
    let begin = memmem::find(text, name)? + name.len();
    let length = text[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    number(&text[begin..begin + length])
}
