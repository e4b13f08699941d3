use std::{
    fs,
    path::{Path, PathBuf},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
        version,
    },
};

use super::*;
use crate::server::settings::{Clients, Tls};

const LONG: Duration = Duration::from_secs(60);

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/listen/tests").join(name)
}

fn settings(client_ca: bool, clients: Clients) -> Tls {
    Tls {
        certificate: Some(file("server.pem")),
        key: Some(file("server.key")),
        client_ca: client_ca.then(|| file("ca.pem")),
        clients,
    }
}

async fn listener(tls: &Tls) -> (Listener, Secured) {
    let (config, oddities) = tls::load(tls).expect("it can be loaded").expect("there is TLS");
    assert_eq!(oddities, [""; 0]);
    let secured = Secured::new(Some(config).into());
    let connections = Arc::new(Semaphore::new(2));
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), &secured, &connections).await;
    (listener.expect("it listens"), secured)
}

/// A connection of a client that trusts the authority, with a certificate or without.
async fn connect(
    address: SocketAddr,
    certificate: Option<&str>,
    versions: &[&'static tokio_rustls::rustls::SupportedProtocolVersion],
) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.pem")).expect("one")).expect("it can be added");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("they are known")
        .with_root_certificates(roots);
    let config = match certificate {
        None => config.with_no_client_auth(),
        Some(name) => {
            let chain = vec![CertificateDer::from_pem_file(file(name)).expect("one")];
            let key = PrivateKeyDer::from_pem_file(file("client.key")).expect("a key");
            config.with_client_auth_cert(chain, key).expect("they fit")
        }
    };
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

/// What the server got of a client that says `hello`: its certificate.
async fn greeted(
    listener: &Listener,
    certificate: Option<&str>,
    versions: &[&'static tokio_rustls::rustls::SupportedProtocolVersion],
) -> io::Result<Option<Vec<u8>>> {
    let address = listener.address()?;
    let client = async {
        let mut stream = connect(address, certificate, versions).await?;
        stream.write_all(b"hello").await?;
        stream.flush().await?;
        // With TLS 1.3 a client has not heard yet whether its certificate is taken.
        let mut bytes = [0; 5];
        stream.read_exact(&mut bytes).await.map(|_| ())
    };
    let server = async {
        let mut connection = listener.accept().await.secure(LONG).await?;
        let mut bytes = [0; 5];
        connection.stream.read_exact(&mut bytes).await?;
        connection.stream.write_all(&bytes).await?;
        connection.stream.flush().await?;
        Ok(connection.certificate)
    };
    let (client, server) = tokio::join!(client, server);
    server.and_then(|certificate| client.map(|()| certificate))
}

#[tokio::test]
async fn clients_are_answered_over_both_versions_of_tls_and_known_by_their_certificates() {
    let der = CertificateDer::from_pem_file(file("client.pem")).expect("one").to_vec();
    for versions in [&[&version::TLS12], &[&version::TLS13]] {
        let (listener, _) = listener(&settings(false, Clients::Required)).await;
        assert_eq!(greeted(&listener, None, versions).await.expect("it is answered"), None);
        let (listener, _) = self::listener(&settings(true, Clients::Optional)).await;
        assert_eq!(greeted(&listener, None, versions).await.expect("it is answered"), None);
        let known = greeted(&listener, Some("client.pem"), versions).await.expect("it is answered");
        assert_eq!(known.as_ref(), Some(&der));
        let (required, _) = self::listener(&settings(true, Clients::Required)).await;
        let known = greeted(&required, Some("client.pem"), versions).await.expect("it is answered");
        assert_eq!(known.as_ref(), Some(&der));
        greeted(&required, None, versions).await.expect_err("a certificate is required");
        for listener in [&listener, &required] {
            greeted(listener, Some("stranger.pem"), versions).await.expect_err("another authority");
        }
    }
}

#[tokio::test]
async fn who_does_not_do_its_part_in_time_is_cut() {
    let (listener, _) = listener(&settings(false, Clients::Required)).await;
    let mut silent = TcpStream::connect(listener.address().expect("an address")).await.expect("it listens");
    let cut = listener.accept().await.secure(Duration::from_millis(20)).await;
    assert_eq!(cut.err().expect("it said nothing").kind(), io::ErrorKind::TimedOut);
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(LONG, silent.read_to_end(&mut bytes)).await.expect("it is closed");
    // What is no TLS is an error at once.
    let mut wrong = TcpStream::connect(listener.address().expect("an address")).await.expect("it listens");
    wrong.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it can be written");
    let cut = listener.accept().await.secure(LONG).await;
    assert_ne!(cut.err().expect("no TLS").kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn there_are_as_many_connections_as_there_may_be() {
    let (listener, _) = listener(&settings(false, Clients::Required)).await;
    let address = listener.address().expect("an address");
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(TcpStream::connect(address).await.expect("it listens"));
    }
    let first = listener.accept().await;
    let _second = listener.accept().await;
    // The third is closed while the fourth waits for room.
    let third = async {
        let mut bytes = Vec::new();
        let _ = streams[2].read_to_end(&mut bytes).await;
    };
    tokio::select! {
        _ = listener.accept() => panic!("there is no room"),
        closed = tokio::time::timeout(LONG, third) => closed.expect("it is closed"),
    }
    drop(first);
    let _fourth = TcpStream::connect(address).await.expect("it listens");
    tokio::time::timeout(LONG, listener.accept()).await.expect("there is room again");
}

#[tokio::test]
async fn another_certificate_is_taken_for_the_connections_after_that() {
    let (listener, secured) = listener(&settings(true, Clients::Required)).await;
    greeted(&listener, None, &[&version::TLS13]).await.expect_err("a certificate is required");
    let (config, _) = tls::load(&settings(false, Clients::Required)).expect("loaded").expect("TLS");
    secured.store(Some(config));
    greeted(&listener, None, &[&version::TLS13]).await.expect("it is answered");
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_setting() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    };
    let (empty, letter) = (write("empty.pem", " \n"), write("letter.pem", "dear"));
    let torn = write("torn.pem", "-----BEGIN CERTIFICATE-----\nAAAA");
    let good = || settings(true, Clients::Required);
    let with = |change: &dyn Fn(&mut Tls)| {
        let mut tls = good();
        change(&mut tls);
        tls
    };
    for (tls, said) in [
        (with(&|tls| tls.key = Some(file("client.key"))), "client.key (`tls.key`) is not the key of"),
        (with(&|tls| tls.key = Some(file("server.pem"))), "server.pem (`tls.key`) has no private key"),
        (with(&|tls| tls.key = Some(empty.clone())), "empty.pem (`tls.key`) is empty"),
        (with(&|tls| tls.key = Some("/nowhere".into())), "/nowhere (`tls.key`) cannot be read"),
        (with(&|tls| tls.certificate = Some(empty.clone())), "empty.pem (`tls.certificate`) is empty"),
        (
            with(&|tls| tls.certificate = Some(letter.clone())),
            "letter.pem (`tls.certificate`) has no certificate",
        ),
        (with(&|tls| tls.certificate = Some(torn.clone())), "torn.pem (`tls.certificate`)"),
        (
            with(&|tls| tls.certificate = Some(file("server.key"))),
            "server.key (`tls.certificate`) has no certificate",
        ),
        (
            with(&|tls| tls.client_ca = Some(letter.clone())),
            "letter.pem (`tls.client_ca`) has no certificate",
        ),
        (with(&|tls| tls.client_ca = Some("/nowhere".into())), "/nowhere (`tls.client_ca`) cannot be read"),
    ] {
        let why = tls::load(&tls).err().unwrap_or_else(|| panic!("it was taken: {said}"));
        assert!(why.contains(said), "{why}\nshould say: {said}");
    }
    let expired = with(&|tls| tls.certificate = Some(file("expired.pem")));
    let (_, oddities) = tls::load(&expired).expect("it can be used").expect("TLS");
    assert!(matches!(&oddities[..], [one] if one.contains("expired.pem has expired")), "{oddities:?}");
    assert!(tls::load(&Tls::default()).expect("nothing is read").is_none());
}
