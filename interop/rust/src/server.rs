//! TestService of gRPC's interop cases, on tonic.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::metadata::{BinaryMetadataValue, MetadataMap};
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::messages::*;
use crate::test_service::test_service_server::{TestService, TestServiceServer};
use crate::{Failure, Options};

const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

struct Tests;

type Outputs = Pin<Box<dyn Stream<Item = Result<StreamingOutputCallResponse, Status>> + Send>>;

fn fail_if_asked(status: &Option<EchoStatus>) -> Result<(), Status> {
    match status {
        Some(status) if status.code != 0 => Err(Status::new(Code::from(status.code), status.message.clone())),
        _ => Ok(()),
    }
}

fn echo_initial(from: &MetadataMap, to: &mut MetadataMap) {
    if let Some(value) = from.get(ECHO_INITIAL) {
        to.insert(ECHO_INITIAL, value.clone());
    }
}

fn trailing(from: &MetadataMap) -> Option<BinaryMetadataValue> {
    from.get_bin(ECHO_TRAILING).cloned()
}

/// tonic sets trailers of an orderly end through a status of OK, which only a stream can give as its last item.
fn ending(trailing: Option<BinaryMetadataValue>) -> Option<Status> {
    trailing.map(|value| {
        let mut metadata = MetadataMap::new();
        metadata.insert_bin(ECHO_TRAILING, value);
        Status::with_metadata(Code::Ok, "", metadata)
    })
}

fn answer(request: &StreamingOutputCallRequest) -> Vec<Result<StreamingOutputCallResponse, Status>> {
    if let Err(status) = fail_if_asked(&request.response_status) {
        return vec![Err(status)];
    }
    let sizes = request.response_parameters.iter().map(|wanted| wanted.size);
    sizes.map(|size| Ok(StreamingOutputCallResponse { payload: zeroes(size) })).collect()
}

#[tonic::async_trait]
impl TestService for Tests {
    async fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        let mut response = Response::new(Empty {});
        echo_initial(request.metadata(), response.metadata_mut());
        Ok(response)
    }

    async fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        fail_if_asked(&request.get_ref().response_status)?;
        let mut response = Response::new(SimpleResponse { payload: zeroes(request.get_ref().response_size) });
        echo_initial(request.metadata(), response.metadata_mut());
        Ok(response)
    }

    type StreamingOutputCallStream = Outputs;

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Self::StreamingOutputCallStream>, Status> {
        Ok(Response::new(Box::pin(tokio_stream::iter(answer(request.get_ref())))))
    }

    async fn streaming_input_call(
        &self,
        request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut requests = request.into_inner();
        let mut total = 0;
        while let Some(request) = requests.next().await {
            total += size_of(&request?.payload);
        }
        Ok(Response::new(StreamingInputCallResponse { aggregated_payload_size: total as i32 }))
    }

    type FullDuplexCallStream = Outputs;

    async fn full_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Self::FullDuplexCallStream>, Status> {
        let last = ending(trailing(request.metadata()));
        let (sender, receiver) = mpsc::channel(1);
        let mut response = Response::new(Box::pin(ReceiverStream::new(receiver)) as Outputs);
        echo_initial(request.metadata(), response.metadata_mut());
        let mut requests = request.into_inner();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let answers = match request {
                    Ok(request) => answer(&request),
                    Err(status) => vec![Err(status)],
                };
                for answer in answers {
                    let failed = answer.is_err();
                    if sender.send(answer).await.is_err() || failed {
                        return;
                    }
                }
            }
            if let Some(status) = last {
                let _ = sender.send(Err(status)).await;
            }
        });
        Ok(response)
    }

    type HalfDuplexCallStream = Outputs;

    async fn half_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Self::HalfDuplexCallStream>, Status> {
        self.full_duplex_call(request).await
    }
}

pub async fn serve(options: Options) -> Result<(), Failure> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{{\"address\": \"{}\"}}", listener.local_addr()?);
    let mut server = Server::builder();
    if let (Some(cert), Some(key)) = (&options.cert, &options.key) {
        let identity = Identity::from_pem(std::fs::read(cert)?, std::fs::read(key)?);
        server = server.tls_config(ServerTlsConfig::new().identity(identity))?;
    }
    let service = server.add_service(TestServiceServer::new(Tests));
    service.serve_with_incoming_shutdown(TcpListenerStream::new(listener), crate::input_ended()).await?;
    Ok(())
}
