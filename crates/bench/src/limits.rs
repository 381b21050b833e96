//! What the machine and the libraries can do without a chat server around them.

mod fan_out;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use lethe_protocol::{Request, Sent, answer};

use self::fan_out::FanOut;
use crate::Outcome;
use crate::figures::{Figures, per_second};
use crate::fleet::Fleet;
use crate::meter::Meter;
use crate::scenarios::{same, user};
use crate::session::Target;
use crate::stamp;
use crate::system::System as _;
use crate::systems::Setup;
use crate::systems::relay::{ECHO, Relay};
use crate::usage::Usage;

/// Each limit for itself; `pairs` and `group` with `--system relay` are the limits of those.
#[derive(Clone, Debug, clap::Args)]
pub struct Limits {
    /// Clients of the echo.
    #[arg(long, default_value_t = 200)]
    pub clients: usize,
    /// Unanswered echoes of each client.
    #[arg(long, default_value_t = 16)]
    pub window: usize,
    /// Bytes of a text.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
    /// Clients that ask for a page, one after the other.
    #[arg(long, default_value_t = 8)]
    pub readers: usize,
    /// Bytes of a page: 20 messages of S5.
    #[arg(long, default_value_t = 5100)]
    pub page: usize,
    /// Sockets that the same is written to, one after the other, as to members of a group. Both ends are files of one process, of
    /// which many systems allow 20 000.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 500, 5000, 9000])]
    pub sockets: Vec<usize>,
    /// Measured seconds of each limit.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
}

impl Limits {
    /// Measures each once.
    ///
    /// # Errors
    /// When an echo is lost, or the disk refuses.
    pub fn run(&self, setup: &Setup) -> Outcome<Figures> {
        let mut figures = Figures::default();
        for echo in self.echoes() {
            echo.run(self, &mut figures)?;
        }
        let frame = event(self.bytes, 1).into_bytes();
        for &sockets in &self.sockets {
            FanOut::new(sockets)?.run(&frame, Duration::from_secs(self.seconds), &mut figures)?;
        }
        for batch in [1, 10, 100] {
            self.append(&setup.dir, batch, &mut figures)?;
        }
        self.json(&mut figures)?;
        Ok(figures)
    }

    fn echoes(&self) -> [Echo; 3] {
        let (clients, window) = (self.clients, self.window);
        let page = format!("{} bytes for each request, {} clients", self.page, self.readers);
        [
            Echo { name: "echo, one at a time".to_owned(), of: "echoes", clients, window: 1, answer: None },
            Echo { name: format!("echo, window {window}"), of: "echoes", clients, window, answer: None },
            Echo { name: page, of: "pages", clients: self.readers, window: 1, answer: Some(self.page) },
        ]
    }

    /// The stored bytes of messages, appended to one file and synced after each batch.
    fn append(&self, directory: &Path, batch: usize, figures: &mut Figures) -> Outcome<()> {
        let mut file: File = tempfile::tempfile_in(directory)?;
        let message = event(self.bytes, 1).into_bytes().repeat(batch);
        let me = std::process::id();
        let (before, begun) = (Usage::of_one(me), Instant::now());
        let (mut count, mut times) = (0, Vec::new());
        while begun.elapsed() < Duration::from_secs(self.seconds) {
            let start = Instant::now();
            file.write_all(&message)?;
            file.sync_data()?;
            times.push(u64::try_from(start.elapsed().as_nanos())?);
            count += batch as u64;
        }
        let (took, cpu) = (begun.elapsed(), Usage::of_one(me).since(&before));
        let name = format!("append and fdatasync of {batch}: ");
        figures.add(format!("{name}messages per second"), "1/s", per_second(count, took));
        figures.add(format!("{name}messages per CPU second"), "1/s", per_second(count, cpu));
        figures.add_latency(&format!("{name}sync"), &mut times);
        Ok(())
    }

    /// The JSON of one message: its request is read, its event and its answer are written.
    fn json(&self, figures: &mut Figures) -> Outcome<()> {
        let text = String::from_utf8(stamp::text(self.bytes, 1))?;
        let frame = format!(
            r#"{{"id":1000000000000000,"op":"messages.send","d":{{"conversationId":"C2Cu000001","clientTime":1700000000,"random":1000000000,"body":[{{"MsgType":"TIMTextElem","MsgContent":{{"Text":"{text}"}}}}]}}}}"#
        );
        let (me, mut bytes, mut count) = (std::process::id(), 0_usize, 0);
        let (before, begun) = (Usage::of_one(me), Instant::now());
        while begun.elapsed() < Duration::from_secs(self.seconds) {
            for n in 0..1000 {
                let (id, request) = Request::read(&frame).map_err(|(_, error)| error.to_string())?;
                let Request::SendMessage(send) = request else {
                    return Err("a text became something else".into());
                };
                let message = lethe_protocol::Message {
                    removed: false,
                    seq: n,
                    time: n,
                    id: format!("144115188075855872-{}-{}", send.client_time, send.random),
                    from: user(0),
                    to: Some(user(1)),
                    group: None,
                    body: send.body,
                    attributes: send.attributes,
                    nick: String::new(),
                    avatar: String::new(),
                };
                bytes += serde_json::to_string(&message)?.len();
                bytes += answer(id, &Sent { seq: n, time: n }).len();
                count += 1;
            }
        }
        let cpu = Usage::of_one(me).since(&before);
        std::hint::black_box(bytes);
        figures.add("JSON of a message: messages per CPU second", "1/s", per_second(count, cpu));
        Ok(())
    }
}

/// Texts to a relay that answers each.
struct Echo {
    name: String,
    /// What the answers are called.
    of: &'static str,
    clients: usize,
    /// Unanswered texts of each client.
    window: usize,
    /// Bytes of an answer; the text itself if there are none.
    answer: Option<usize>,
}

impl Echo {
    fn run(&self, limits: &Limits, figures: &mut Figures) -> Outcome<()> {
        let relay = Relay::start()?;
        let mut fleet = Fleet::new()?;
        fleet.limit(Duration::from_secs(limits.seconds + 60));
        fleet.gather(self.clients, 1000.0, |n| relay.links(&user(n), u32::try_from(n)?, &[]))?;
        let to = self.answer.map_or(ECHO.to_owned(), |bytes| format!("{ECHO}{bytes}"));
        let (mut sent, mut echoed) = (0_u64, 0_u64);
        for client in 0..self.clients {
            fleet.say(client, |socket| {
                socket.aim(&Target::User(to.clone()), limits.bytes);
                (0..self.window).for_each(|_| socket.send(0));
            })?;
            sent += self.window as u64;
        }
        let meter = Meter::start(&relay);
        let mut cost = None;
        while echoed < sent {
            let more = meter.elapsed() < Duration::from_secs(limits.seconds);
            if !more && cost.is_none() {
                cost = Some((meter.read(), echoed));
            }
            fleet.turn(Duration::from_millis(100), |heard, socket| {
                echoed += heard.answers.len() as u64;
                if more {
                    sent += heard.answers.len() as u64;
                    heard.answers.iter().for_each(|_| socket.send(0));
                }
                Ok(())
            })?;
        }
        same("echoes", sent, echoed)?;
        let (cost, count) = cost.ok_or("the echo ended before its time")?;
        cost.add_rates(figures, &format!("{}: ", self.name), self.of, count);
        Ok(())
    }
}

/// A message as it is stored and told.
fn event(bytes: usize, seed: u64) -> String {
    let text = String::from_utf8_lossy(&stamp::text(bytes, seed)).into_owned();
    format!(
        r#"{{"seq":1,"time":1700000000000,"id":"144115188075855872-1700000000-1000000000","from":"u000000","to":"u000001","body":[{{"MsgType":"TIMTextElem","MsgContent":{{"Text":"{text}"}}}}]}}"#
    )
}
