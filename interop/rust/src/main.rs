//! tonic as a peer of the interop suites.
//!
//!     tonic-interop serve [--cert FILE --key FILE]
//!     tonic-interop call --address HOST:PORT [--ca FILE]
//!
//! A server prints {"address": "host:port"} and ends with its standard input; a client prints one
//! JSON line for each case.

mod client;
mod messages;
mod server;

mod test_service {
    include!(concat!(env!("OUT_DIR"), "/grpc.testing.TestService.rs"));
}

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Default)]
pub struct Options {
    pub address: Option<String>,
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
}

/// Resolves when standard input has ended.
pub async fn input_ended() {
    let mut input = tokio::io::stdin();
    let _ = tokio::io::copy(&mut input, &mut tokio::io::sink()).await;
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mode = arguments.next().ok_or("usage: tonic-interop serve|call [flags]")?;
    let mut options = Options::default();
    while let Some(flag) = arguments.next() {
        let value = arguments.next();
        match flag.as_str() {
            "--address" => options.address = value,
            "--ca" => options.ca = value,
            "--cert" => options.cert = value,
            "--key" => options.key = value,
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    match mode.as_str() {
        "serve" => {
            server::serve(options).await?;
            // A blocked read of standard input must not keep the program.
            std::process::exit(0)
        }
        "call" => client::call(options).await,
        _ => Err(format!("unknown mode {mode}").into()),
    }
}
