//! What deleting 1 and 100 conversations costs, with histories of 10 to 10^6 messages in all, over a real socket and with
//! the sync to disk: the cost must not grow.
//!
//! `cargo bench -p lethe-bench --bench deletion`; `LETHE_BENCH_DIR` chooses the disk, `LETHE_BENCH_SAMPLES` how often.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use lethe_bench::{ME, fill, peer, percentile};
use lethe_client::{Client, Credentials};
use lethe_protocol::{
    ConversationId, DeleteConversations, DeleteItem, DeleteOutcome, OpenConversation, Request,
};
use lethe_server::{Config, Options};

const HISTORIES: [u64; 4] = [10, 1_000, 100_000, 1_000_000];
const COUNTS: [usize; 2] = [1, 100];
const APP: u32 = 1_400_000_000;
const KEY: &str = "bench";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let samples = std::env::var("LETHE_BENCH_SAMPLES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let base = std::env::var("LETHE_BENCH_DIR").unwrap_or_else(|_| env!("CARGO_TARGET_TMPDIR").to_owned());
    let mut out = std::io::stdout().lock();
    writeln!(out, "| conversations in the call | messages in all | p50 | p99 |\n|---:|---:|---:|---:|")?;
    for count in COUNTS {
        for history in HISTORIES {
            let mut times = runtime.block_on(measure(Path::new(&base), count, history, samples))?;
            let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            writeln!(out, "| {count} | {history} | {:.2} ms | {:.2} ms |", ms(p50), ms(p99))?;
            out.flush()?;
        }
    }
    Ok(())
}

async fn measure(base: &Path, count: usize, history: u64, samples: usize) -> Outcome<Vec<Duration>> {
    let directory = tempfile::tempdir_in(base)?;
    let data = directory.path().join("data");
    // At least one message each: there is nothing to delete in a conversation without any.
    let each = (history / count as u64).max(1);
    fill(&data, &vec![each; count]).await?;
    let options = Options {
        listen: Some("127.0.0.1:0".parse()?),
        data: Some(data),
        sdkappid: Some(APP),
        secret_key: Some(KEY.to_owned()),
        ..Options::default()
    };
    let server = lethe_server::start(Config::resolve(options)?, false).await?;
    let credentials = Credentials {
        sdk_app_id: APP,
        user_id: ME.to_owned(),
        user_sig: server.user_sig(ME, 3600),
        instance: "bench".to_owned(),
    };
    let client = Client::connect(server.address, &credentials, None).await?;
    let mut times = Vec::with_capacity(samples);
    for sample in 0..samples {
        // Keeping and clearing in turn; the messages stay in the store either way.
        let request = deletion(count, sample % 2 == 1);
        let begun = Instant::now();
        let outcome: DeleteOutcome = client.request(request).await?;
        times.push(begun.elapsed());
        if outcome.deleted.len() != count {
            return Err(format!("{} of {count} deleted", outcome.deleted.len()).into());
        }
        for n in 0..count {
            let conversation_id = ConversationId::User(peer(n));
            let _: () =
                client.request(Request::OpenConversation(OpenConversation { conversation_id })).await?;
        }
    }
    drop(client);
    server.stop().await?;
    Ok(times)
}

fn deletion(count: usize, clear_history: bool) -> Request {
    let item = |n| DeleteItem { conversation_id: ConversationId::User(peer(n)), anchor: None };
    Request::DeleteConversations(DeleteConversations {
        items: (0..count).map(item).collect(),
        clear_history,
        ..DeleteConversations::default()
    })
}
