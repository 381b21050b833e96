use std::future::Future;
use std::time::Duration;

use lethe_store::StoreError;
use tokio::time::{Instant, sleep, timeout_at};

use crate::context::Context;
use crate::failure::{Failure, Result};

/// A request may take so long; the limit that users are promised is 5 s.
const PATIENCE: Duration = Duration::from_millis(4_500);
/// The first and the longest pause before a request is tried again.
const PAUSE: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(300)];
/// What may take long is given up when nothing of it has worked for this long.
const PERSISTENCE: Duration = Duration::from_secs(60);

/// Does what is asked; on a store that is shared, again while it says that nothing was changed, and not for too long.
///
/// Where time runs out it is unknown whether the request took effect: it is the same when repeated.
pub(crate) async fn patiently<T, F>(cx: &Context, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    if !cx.store.is_shared() {
        return attempt().await;
    }
    let deadline = Instant::now() + PATIENCE;
    let mut pause = PAUSE[0];
    loop {
        match timeout_at(deadline, attempt()).await {
            Ok(Err(Failure::Store(StoreError::Again(_)))) if Instant::now() + pause < deadline => {
                sleep(pause.mul_f32(0.5 + rand::random::<f32>())).await;
                pause = (pause * 2).min(PAUSE[1]);
            }
            Ok(done) => return done,
            Err(_) => return Err(StoreError::Again("it took too long".to_owned()).into()),
        }
    }
}

/// Does what may take long and goes on where it was, as often as a shared store says that nothing was changed. There is no
/// limit while it gets on.
pub(crate) async fn persistently<T, F>(cx: &Context, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let (mut pause, mut failing_since) = (PAUSE[0], Instant::now());
    loop {
        let began = Instant::now();
        let outcome = attempt().await;
        if began.elapsed() > PATIENCE {
            (pause, failing_since) = (PAUSE[0], Instant::now());
        }
        match outcome {
            Err(Failure::Store(StoreError::Again(_)))
                if cx.store.is_shared() && failing_since.elapsed() < PERSISTENCE =>
            {
                sleep(pause.mul_f32(0.5 + rand::random::<f32>())).await;
                pause = (pause * 2).min(PAUSE[1]);
            }
            done => return done,
        }
    }
}
