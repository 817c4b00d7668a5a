//! An HTTP server on a real socket that does what a test tells it: answer with any status, break
//! the connection, say nothing for ever, or pass the request on to another server.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::backend::is_about_session;

/// A request as it arrived, its body decompressed.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    raw: Vec<u8>,
}

/// What the server does about a request.
pub(crate) enum Reply {
    /// Answers, with further headers and a body.
    Status(u16, &'static [(&'static str, &'static str)], String),
    /// Closes the connection without an answer.
    Break,
    /// Keeps the connection and never answers.
    Silence,
    /// Answers after that long.
    Late(Duration, Box<Reply>),
    /// Hands the request to this server, and its answer back.
    Forward(SocketAddr),
    /// The same, but the answer is lost on the way.
    ForwardAndBreak(SocketAddr),
}

impl Reply {
    /// 200, and the body of a server that took everything.
    pub(crate) fn accepted() -> Reply {
        Reply::Status(200, &[], String::new())
    }

    pub(crate) fn status(status: u16) -> Reply {
        Reply::Status(status, &[], String::new())
    }
}

type Script = dyn FnMut(&Request) -> Reply + Send;

#[derive(Default)]
struct Requests {
    /// Those that are remembered.
    kept: Vec<Request>,
    count: usize,
    forgets: bool,
}

/// The server; it stops when it is dropped.
///
/// What a session tells of itself when it begins is taken without a word, and is no request of
/// the test's; but not by a [proxy](Scripted::proxy).
pub(crate) struct Scripted {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    takes_sessions: bool,
    script: Mutex<Box<Script>>,
    requests: Mutex<Requests>,
    changed: Condvar,
    stopped: AtomicBool,
}

impl Scripted {
    pub(crate) fn start(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Scripted {
        Scripted::serving(true, script)
    }

    /// A server before another one.
    pub(crate) fn proxy(script: impl FnMut(&Request) -> Reply + Send + 'static) -> Scripted {
        Scripted::serving(false, script)
    }

    fn serving(
        takes_sessions: bool,
        script: impl FnMut(&Request) -> Reply + Send + 'static,
    ) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            takes_sessions,
            script: Mutex::new(Box::new(script)),
            requests: Mutex::default(),
            changed: Condvar::new(),
            stopped: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (stream, serving) = (stream.unwrap(), Arc::clone(&serving));
                // A client that breaks off is its own affair.
                std::thread::spawn(move || serve(&stream, &serving).ok());
            }
        });
        Scripted { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on does this.
    pub(crate) fn now(&self, script: impl FnMut(&Request) -> Reply + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// From now on requests are only counted: there will be more than memory for them.
    pub(crate) fn forget_requests(&self) {
        self.shared.requests.lock().unwrap().forgets = true;
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().kept.clone()
    }

    /// How many they are.
    pub(crate) fn request_count(&self) -> usize {
        self.shared.requests.lock().unwrap().count
    }

    /// The first `count` requests, once there are as many.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Request> {
        let came = self.count_up_to(count, PATIENCE);
        assert!(came >= count, "{came} of {count} requests came");
        self.requests()
    }

    /// Waits until there are `count` requests, at most that long; how many there are.
    pub(crate) fn count_up_to(&self, count: usize, most: Duration) -> usize {
        let requests = self.shared.requests.lock().unwrap();
        let few = |requests: &mut Requests| requests.count < count;
        let waited = self.shared.changed.wait_timeout_while(requests, most, few);
        waited.unwrap().0.count
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Request {
    /// The session's token.
    pub(crate) fn token(&self) -> Option<&str> {
        self.headers.get("authorization")?.strip_prefix("Bearer ")
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        let batch: Value = serde_json::from_slice(&self.body).unwrap();
        batch["logs"].as_array().unwrap().clone()
    }

    /// What is true of the whole process that captured the records.
    pub(crate) fn resource(&self, name: &str) -> String {
        let batch: Value = serde_json::from_slice(&self.body).unwrap();
        batch["resource"][name].as_str().unwrap().to_owned()
    }

    pub(crate) fn messages(&self) -> Vec<String> {
        self.texts("message")
    }

    /// The messages of what the application itself has logged.
    pub(crate) fn logged(&self) -> Vec<String> {
        let records = self.records();
        let logged = records.iter().filter(|record| !is_about_session(record));
        logged
            .map(|record| record["message"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.texts("id")
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let text = |record: &Value| record[name].as_str().unwrap().to_owned();
        self.records().iter().map(text).collect()
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut input = BufReader::new(stream);
    while let Some(request) = read(&mut input)? {
        if shared.takes_sessions && request.records().iter().all(is_about_session) {
            answer(stream, shared, &request, Reply::accepted())?;
            continue;
        }
        let reply = (shared.script.lock().unwrap())(&request);
        shared.remember(&request);
        if !answer(stream, shared, &request, reply)? {
            break;
        }
    }
    Ok(())
}

/// Reads a request; `None` at the end of the connection.
fn read(input: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let mut lines = head.lines();
    let path = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or_default();
    let path = path.to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let raw = [head.as_bytes(), &body].concat();
    if headers
        .get("content-encoding")
        .is_some_and(|encoding| encoding == "gzip")
    {
        let mut plain = Vec::new();
        GzDecoder::new(body.as_slice()).read_to_end(&mut plain)?;
        body = plain;
    }
    Ok(Some(Request {
        path,
        headers,
        body,
        raw,
    }))
}

/// Returns whether the connection goes on.
fn answer(
    mut stream: &TcpStream,
    shared: &Shared,
    request: &Request,
    reply: Reply,
) -> io::Result<bool> {
    match reply {
        Reply::Status(status, headers, body) => {
            let mut head = format!(
                "HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n",
                body.len()
            );
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
            Ok(true)
        }
        Reply::Break => Ok(false),
        Reply::Silence => {
            shared.wait_for_end(PATIENCE);
            Ok(false)
        }
        Reply::Late(wait, reply) => {
            shared.wait_for_end(wait);
            answer(stream, shared, request, *reply)
        }
        Reply::Forward(address) => {
            stream.write_all(&forward(address, request)?)?;
            // The answer says that the connection ends here.
            Ok(false)
        }
        Reply::ForwardAndBreak(address) => {
            forward(address, request)?;
            Ok(false)
        }
    }
}

impl Shared {
    fn remember(&self, request: &Request) {
        let mut requests = self.requests.lock().unwrap();
        requests.count += 1;
        if !requests.forgets {
            requests.kept.push(request.clone());
        }
        drop(requests);
        self.changed.notify_all();
    }

    /// Until the test is over, or that long.
    fn wait_for_end(&self, most: Duration) {
        let requests = self.requests.lock().unwrap();
        let goes_on = |_: &mut Requests| !self.stopped.load(Ordering::Relaxed);
        let _ = self.changed.wait_timeout_while(requests, most, goes_on);
    }
}

fn forward(address: SocketAddr, request: &Request) -> io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(address)?;
    let end_of_first_line = request
        .raw
        .windows(2)
        .position(|two| two == b"\r\n")
        .unwrap()
        + 2;
    let (first, rest) = request.raw.split_at(end_of_first_line);
    upstream.write_all(&[first, b"connection: close\r\n", rest].concat())?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
