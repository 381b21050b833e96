//! Addresses of nodes and who may sign in there: all that a load needs, wherever the nodes run.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lethe_client::Credentials;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::process;

/// How long a probe or a REST call may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the token of a user.
pub type Sign = dyn Fn(&str) -> String + Send + Sync;

/// Nodes that serve one app.
#[derive(Clone)]
pub struct Cluster {
    /// Where they listen.
    pub addresses: Vec<SocketAddr>,
    /// The app.
    pub app: u32,
    sign: Arc<Sign>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("addresses", &self.addresses).field("app", &self.app).finish()
    }
}

impl Cluster {
    /// Nodes at these addresses; `sign` makes tokens for the app.
    pub fn new(
        addresses: Vec<SocketAddr>,
        app: u32,
        sign: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { addresses, app, sign: Arc::new(sign) }
    }

    /// What a client of this user signs in with.
    #[must_use]
    pub fn credentials(&self, user: &str, instance: &str) -> Credentials {
        Credentials {
            sdk_app_id: self.app,
            user_id: user.to_owned(),
            user_sig: (self.sign)(user),
            instance: instance.to_owned(),
        }
    }

    /// Waits until every node says that it is ready; nothing but asking tells.
    ///
    /// # Panics
    /// When one does not within a minute.
    pub async fn until_ready(&self) {
        let deadline = Instant::now() + process::PATIENCE;
        for &address in &self.addresses {
            while readiness(address).await != Some(200) {
                assert!(Instant::now() < deadline, "{address} does not become ready");
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Calls the REST API of a node as the administrator.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn rest(&self, node: usize, path: &str, body: &Value) -> Value {
        let sig = (self.sign)("administrator");
        let path =
            format!("/v4/{path}?sdkappid={}&identifier=administrator&usersig={sig}&random=1", self.app);
        let (_, body) = http(self.addresses[node], "POST", &path, &body.to_string()).await.unwrap();
        serde_json::from_str(&body).unwrap()
    }

    /// Changes settings of the app, and waits until they are in effect at all nodes.
    ///
    /// # Panics
    /// When the node refuses, or another has not heard of it in time.
    pub async fn configure(&self, settings: &Value) {
        let answer = self.rest(0, "lethe_config/set", settings).await;
        assert_eq!(answer["ErrorCode"], 0, "{answer}");
        let deadline = Instant::now() + PATIENCE;
        for node in 0..self.addresses.len() {
            while !self.has(node, settings).await {
                assert!(Instant::now() < deadline, "node {node} does not hear of its settings");
            }
        }
    }

    async fn has(&self, node: usize, settings: &Value) -> bool {
        let kept = self.rest(node, "lethe_config/get", &serde_json::json!({})).await;
        settings.as_object().is_some_and(|wanted| wanted.iter().all(|(name, value)| kept[name] == *value))
    }
}

/// The status of `/readyz` of a node; none when nobody answers.
pub async fn readiness(address: SocketAddr) -> Option<u16> {
    Some(http(address, "GET", "/readyz", "").await?.0)
}

/// One HTTP exchange: status and body.
pub async fn http(address: SocketAddr, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let exchange = async {
        let mut socket = TcpStream::connect(address).await.ok()?;
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split_whitespace().nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    };
    timeout(PATIENCE, exchange).await.ok()?
}
