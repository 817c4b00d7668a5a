//! A server on loopback that takes every batch and counts what is in it.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::peers::Count;

/// Starts it and returns its address. It ends with the process.
pub(crate) fn start(count: Count) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = count.clone();
            thread::spawn(move || serve(stream, &count));
        }
    });
    Ok(url)
}

/// Answers requests until the other side hangs up.
fn serve(stream: TcpStream, count: &Count) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut answers = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    while let Some(body) = request(&mut requests)? {
        let batch: Value = serde_json::from_reader(GzDecoder::new(body.as_slice()))?;
        let logs = batch["logs"].as_array().map_or(&[][..], Vec::as_slice);
        // Only what the bench logged; the pipeline has records of its own.
        let logged: Vec<&Value> = logs
            .iter()
            .filter(|log| log["logger"] == module_path!().replace("::sink", "::flood"))
            .collect();
        let warnings = logged
            .iter()
            .filter(|log| log["level"] == "warning")
            .count();
        count.add(logged.len() as u64, warnings as u64);
        let answer = json!({ "accepted": logs.len(), "duplicates": 0, "rejected": [] }).to_string();
        write!(
            answers,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
    Ok(())
}

/// The body of the next request; `None` at the end.
fn request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(body))
}
