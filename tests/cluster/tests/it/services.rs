//! The services alone, so that a story that fails does not fail because of them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use lethe_cluster_tests::nats::Nats;
use lethe_cluster_tests::postgres::{Pair, Postgres};
use lethe_cluster_tests::process;

#[test]
fn a_killed_postgres_comes_back_with_what_was_committed() {
    let mut postgres = Postgres::start();
    let url = postgres.database("lethe");
    assert!(url.contains(&postgres.host()));
    let _ = postgres.query_in("lethe", "create table kept(n int); insert into kept values (1)");
    assert!(postgres.cpu() > Duration::ZERO);
    postgres.kill();
    postgres.restart();
    assert_eq!(postgres.query_in("lethe", "select n from kept"), "1");
}

#[test]
fn a_fail_over_keeps_what_was_committed_again_and_again() {
    let mut pair = Pair::start();
    let url = pair.database("lethe");
    let _ = pair.primary.query_in("lethe", "create table kept(n int)");
    for round in 0..3 {
        let host = pair.primary.host();
        let _ = pair.primary.query_in("lethe", &format!("insert into kept values ({round})"));
        pair.fail_over();
        assert!(pair.primary.host() != host && url.contains(&pair.primary.host()), "the other of two ports");
        pair.attach();
        assert_eq!(pair.primary.query("select sync_state from pg_stat_replication"), "sync");
    }
    assert_eq!(
        pair.primary.query_in("lethe", "select string_agg(n::text, ',' order by n) from kept"),
        "0,1,2"
    );
}

/// A client of one NATS server that has subscribed to everything.
fn subscribe(host: &str) -> BufReader<TcpStream> {
    let mut socket = TcpStream::connect(host).unwrap();
    socket.set_read_timeout(Some(process::PATIENCE)).unwrap();
    socket.write_all(b"CONNECT {\"verbose\":false}\r\nSUB news 1\r\nPING\r\n").unwrap();
    let mut socket = BufReader::new(socket);
    wait_for(&mut socket, "PONG");
    socket
}

fn wait_for(socket: &mut BufReader<TcpStream>, wanted: &str) {
    let mut line = String::new();
    while !line.starts_with(wanted) {
        line.clear();
        assert!(socket.read_line(&mut line).unwrap() > 0, "closed before {wanted}");
    }
}

#[test]
fn nats_servers_know_each_other_and_come_back() {
    let mut nats = Nats::start(3);
    let hosts = nats.hosts();
    nats.server(1).kill();
    nats.server(1).restart();
    let mut listener = subscribe(&hosts[1]);
    // Interest spreads between servers in its own time: the news is told until it is heard.
    let mut speaker = TcpStream::connect(&hosts[0]).unwrap();
    listener.get_ref().set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut byte = [0];
    while listener.read(&mut byte).is_err() {
        speaker.write_all(b"PUB news 1\r\nx\r\n").unwrap();
    }
    listener.get_ref().set_read_timeout(Some(process::PATIENCE)).unwrap();
    wait_for(&mut listener, "x");
    nats.server(1).pause();
    nats.server(1).resume();
    listener.get_mut().write_all(b"PING\r\n").unwrap();
    wait_for(&mut listener, "PONG");
}
