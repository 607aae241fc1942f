use std::sync::atomic::{AtomicBool, Ordering};

use domain::testing::user;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::super::unread::UnreadLimits;
use super::*;

const HEAD: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_millis(500);
/// Longer than any limit of these tests.
const LONG: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

fn limits() -> UnreadLimits {
    UnreadLimits { patience: PATIENCE, patience_when_crowded: PATIENCE, ..UnreadLimits::SERVER }
}

/// A client and the server's stream to it.
async fn pair(unread: &Arc<UnreadBytes>) -> (TcpStream, GuardedStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    SockRef::from(&client).set_recv_buffer_size(64 << 10).unwrap();
    let (io, _) = listener.accept().await.unwrap();
    SockRef::from(&io).set_send_buffer_size(64 << 10).unwrap();
    (client, GuardedStream::new(io, HEAD, unread))
}

async fn read(stream: &mut GuardedStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 1024];
    let length = timeout(LONG, stream.read(&mut bytes)).await.expect("a read hangs")?;
    bytes.truncate(length);
    Ok(bytes)
}

#[tokio::test]
async fn a_later_head_that_takes_too_long_is_answered_with_408() {
    let (mut client, mut stream) = pair(&UnreadBytes::new(limits())).await;
    client.write_all(REQUEST).await.unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), REQUEST);
    let dripping = tokio::spawn(async move {
        for byte in REQUEST.iter().cycle().take(20) {
            if client.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(HEAD / 4).await;
        }
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer).await;
        answer
    });
    let mut received = 0;
    loop {
        match read(&mut stream).await.unwrap().len() {
            0 => break,
            length => received += length,
        }
    }
    assert!((1..20).contains(&received), "each byte extends the time: {received}");
    stream.shutdown().await.unwrap();
    assert!(dripping.await.unwrap().starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn idle_connections_bodies_and_first_heads_have_no_head_limit() {
    let post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{";
    for received in [&b""[..], b"GET / HT", REQUEST, &[REQUEST, post].concat()] {
        let (mut client, mut stream) = pair(&UnreadBytes::new(limits())).await;
        client.write_all(received).await.unwrap();
        if !received.is_empty() {
            assert_eq!(read(&mut stream).await.unwrap(), received);
        }
        assert!(timeout(HEAD * 4, read(&mut stream)).await.is_err(), "{received:?}");
        client.write_all(b"x").await.unwrap();
        assert_eq!(read(&mut stream).await.unwrap(), b"x");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_loses_the_connection() {
    let unread = UnreadBytes::new(limits());
    let (client, mut stream) = pair(&unread).await;
    let error = timeout(LONG, stream.write_all(&vec![0; 1 << 20])).await.expect("a write hangs").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(unread.count(None, unread.limits.in_all).is_some(), "its bytes are still counted");
    drop(client);
}

#[tokio::test]
async fn a_client_that_reads_slowly_keeps_the_connection() {
    let (mut client, mut stream) = pair(&UnreadBytes::new(limits())).await;
    let reading = tokio::spawn(async move {
        let (mut bytes, mut total) = (vec![0; 64 << 10], 0);
        while total < 1 << 19 {
            sleep(PATIENCE / 20).await;
            total += client.read(&mut bytes).await.unwrap();
        }
        client.write_all(REQUEST).await.unwrap();
        client
    });
    timeout(LONG, stream.write_all(&vec![0; 1 << 19])).await.expect("a write hangs").unwrap();
    assert_eq!(read(&mut stream).await.unwrap(), REQUEST);
    drop(reading.await.unwrap());
}

#[tokio::test]
async fn nothing_is_read_from_a_client_that_does_not_read() {
    let (mut client, stream) = pair(&UnreadBytes::new(UnreadLimits { patience: LONG, ..limits() })).await;
    client.write_all(REQUEST).await.unwrap();
    let reads = Arc::new(AtomicBool::new(false));
    let now_reads = Arc::clone(&reads);
    let reading = tokio::spawn(async move {
        sleep(Duration::from_millis(300)).await;
        now_reads.store(true, Ordering::SeqCst);
        let mut bytes = vec![0; 1 << 20];
        client.read_exact(&mut bytes).await.map(|_| client)
    });
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut bytes = vec![0; 1024];
    let read = async {
        let length = reader.read(&mut bytes).await.unwrap();
        (length, reads.load(Ordering::SeqCst))
    };
    let answer = vec![0; 1 << 20];
    // Both in one task, as in actix.
    let (written, read) =
        timeout(LONG, async { tokio::join!(writer.write_all(&answer), read) }).await.unwrap();
    written.unwrap();
    assert_eq!(read, (REQUEST.len(), true), "a request is read while its client reads nothing");
    drop(reading.await.unwrap().unwrap());
}

#[tokio::test]
async fn an_account_that_has_too_much_unread_loses_a_connection() {
    let unread = UnreadBytes::new(UnreadLimits { patience: LONG, per_account: 1 << 20, ..limits() });
    let (_first_client, first) = pair(&unread).await;
    let (_second_client, second) = pair(&unread).await;
    let (_other_client, other) = pair(&unread).await;
    let mut writes = Vec::new();
    for (mut stream, account) in [(first, 1), (second, 1), (other, 2)] {
        stream.account().set(user(account));
        writes.push(async move { timeout(PATIENCE, stream.write_all(&vec![0; 3 << 18])).await });
    }
    let outcomes = futures_util::future::join_all(writes).await;
    let lost: Vec<_> = outcomes.iter().map(|outcome| matches!(outcome, Ok(Err(_)))).collect();
    assert_eq!(lost, [false, true, false], "{outcomes:?}");
}
