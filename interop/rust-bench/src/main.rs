//! tonic as a peer of the benchmarks: a server on one thread, as the event loops it is compared with.
//!
//!     tonic-bench ORDER_FILE
//!
//! It speaks the protocol of bench/child.ts: one line of JSON when it is ready, then one for each line
//! of standard input, until that ends. ORDER_FILE holds the answer, encoded.

mod messages;

mod service {
    include!(concat!(env!("OUT_DIR"), "/shop.v1.Orders.rs"));
}

use messages::{GetOrder, Order};
use prost::Message;
use std::io::BufRead;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

type Failure = Box<dyn std::error::Error + Send + Sync>;

struct Orders {
    order: Order,
}

#[tonic::async_trait]
impl service::orders_server::Orders for Orders {
    /// Two awaits, as everybody's handler has them: see bench/real/handlers.ts.
    async fn get(&self, request: Request<GetOrder>) -> Result<Response<Order>, Status> {
        let order = self.find(&request.get_ref().id).await;
        self.record(&request.get_ref().id).await;
        Ok(Response::new(order))
    }

    async fn peek(&self, _request: Request<GetOrder>) -> Result<Response<Order>, Status> {
        Ok(Response::new(self.order.clone()))
    }
}

impl Orders {
    async fn find(&self, _id: &str) -> Order {
        self.order.clone()
    }

    async fn record(&self, _id: &str) {}
}

fn usage() -> String {
    let mut used: libc::rusage = unsafe { std::mem::zeroed() };
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut used) };
    let us = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
    format!("{{\"cpuUs\": {}}}", us(used.ru_utime) + us(used.ru_stime))
}

/// Answers what the runner asks, on a thread of its own, and ends the program with its input.
fn answer_runner() {
    for line in std::io::stdin().lock().lines() {
        match line {
            Ok(line) if line.contains("\"usage\"") => println!("{}", usage()),
            Ok(line) => panic!("unknown command {line}"),
            Err(_) => break,
        }
    }
    std::process::exit(0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let file = std::env::args().nth(1).ok_or("usage: tonic-bench ORDER_FILE")?;
    let order = Order::decode(std::fs::read(file)?.as_slice())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"port\": {}}}", listener.local_addr()?.port());
    std::thread::spawn(answer_runner);
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .add_service(service::orders_server::OrdersServer::new(Orders { order }))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}
