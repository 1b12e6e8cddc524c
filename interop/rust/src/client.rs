//! gRPC's interop cases, on tonic's client.

use std::future::Future;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{BinaryMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status};

use crate::messages::*;
use crate::test_service::test_service_client::TestServiceClient;
use crate::{Failure, Options};

const REQUEST_SIZES: [i32; 4] = [27182, 8, 1828, 45904];
const RESPONSE_SIZES: [i32; 4] = [31415, 9, 2653, 58979];
const SPECIAL_MESSAGE: &str = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
const CASE_TIME_MAX: Duration = Duration::from_secs(20);

type Calls = TestServiceClient<Channel>;

fn expect<T: PartialEq + std::fmt::Debug>(want: T, got: T) -> Result<(), Failure> {
    if want == got { Ok(()) } else { Err(format!("want {want:?}, got {got:?}").into()) }
}

fn output(size: i32, request_size: i32) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        response_parameters: vec![ResponseParameters { size, interval_us: 0 }],
        payload: zeroes(request_size),
        response_status: None,
    }
}

fn status_request(message: &str) -> Option<EchoStatus> {
    Some(EchoStatus { code: 2, message: message.into() })
}

async fn empty_unary(mut calls: Calls) -> Result<(), Failure> {
    expect(Empty {}, calls.empty_call(Empty {}).await?.into_inner())
}

async fn large_unary(mut calls: Calls) -> Result<(), Failure> {
    let request = SimpleRequest { response_size: 314159, payload: zeroes(271828), response_status: None };
    expect(314159, size_of(&calls.unary_call(request).await?.into_inner().payload))
}

async fn client_streaming(mut calls: Calls) -> Result<(), Failure> {
    let requests = REQUEST_SIZES.map(|size| StreamingInputCallRequest { payload: zeroes(size) });
    let reply = calls.streaming_input_call(tokio_stream::iter(requests)).await?;
    expect(74922, reply.into_inner().aggregated_payload_size)
}

async fn server_streaming(mut calls: Calls) -> Result<(), Failure> {
    let parameters = RESPONSE_SIZES.map(|size| ResponseParameters { size, interval_us: 0 });
    let request =
        StreamingOutputCallRequest { response_parameters: parameters.to_vec(), payload: None, response_status: None };
    let mut responses = calls.streaming_output_call(request).await?.into_inner();
    let mut sizes = vec![];
    while let Some(response) = responses.next().await {
        sizes.push(size_of(&response?.payload) as i32);
    }
    expect(RESPONSE_SIZES.to_vec(), sizes)
}

async fn ping_pong(mut calls: Calls) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel(1);
    sender.send(output(RESPONSE_SIZES[0], REQUEST_SIZES[0])).await?;
    let mut responses = calls.full_duplex_call(ReceiverStream::new(receiver)).await?.into_inner();
    for (index, size) in RESPONSE_SIZES.into_iter().enumerate() {
        let response = responses.message().await?.ok_or("the stream ended early")?;
        expect(size as usize, size_of(&response.payload))?;
        if index + 1 < RESPONSE_SIZES.len() {
            sender.send(output(RESPONSE_SIZES[index + 1], REQUEST_SIZES[index + 1])).await?;
        }
    }
    drop(sender);
    expect(true, responses.message().await?.is_none())
}

async fn empty_stream(mut calls: Calls) -> Result<(), Failure> {
    let mut responses = calls.full_duplex_call(tokio_stream::empty()).await?.into_inner();
    expect(true, responses.message().await?.is_none())
}

async fn timeout_on_sleeping_server(mut calls: Calls) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel(1);
    let request = StreamingOutputCallRequest { payload: zeroes(27182), ..Default::default() };
    sender.send(request).await?;
    let mut request = Request::new(ReceiverStream::new(receiver));
    request.set_timeout(Duration::from_millis(1));
    let ended = async { calls.full_duplex_call(request).await?.into_inner().message().await };
    // tonic's own timer says CANCELLED where the server's answer does not come first.
    let code = ended.await.err().map(|status| status.code());
    expect(true, matches!(code, Some(Code::DeadlineExceeded | Code::Cancelled)))
}

async fn cancel_after_begin(mut calls: Calls) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel::<StreamingInputCallRequest>(1);
    sender.send(StreamingInputCallRequest { payload: zeroes(1) }).await?;
    let call = calls.streaming_input_call(ReceiverStream::new(receiver));
    // To drop the future is how a call is cancelled here.
    expect(true, timeout(Duration::from_millis(50), call).await.is_err())?;
    empty_unary(calls).await
}

async fn cancel_after_first_response(mut calls: Calls) -> Result<(), Failure> {
    let (sender, receiver) = mpsc::channel(1);
    sender.send(output(31415, 27182)).await?;
    let mut responses = calls.full_duplex_call(ReceiverStream::new(receiver)).await?.into_inner();
    let first = responses.message().await?.ok_or("the stream ended early")?;
    expect(31415, size_of(&first.payload))?;
    // tonic resets a stream when both halves are dropped; the one for responses alone tells the peer nothing.
    drop(responses);
    drop(sender);
    empty_unary(calls).await
}

async fn fails_with<T>(
    code: Code,
    message: &str,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<(), Failure> {
    match call.await {
        Ok(_) => Err(format!("want {code:?}, got a reply").into()),
        Err(status) => expect((code, message), (status.code(), status.message())),
    }
}

async fn status_of(calls: &mut Calls, message: &str) -> Result<(), Failure> {
    let request = SimpleRequest { response_status: status_request(message), ..Default::default() };
    fails_with(Code::Unknown, message, calls.unary_call(request)).await
}

async fn status_code_and_message(mut calls: Calls) -> Result<(), Failure> {
    let message = "test status message";
    status_of(&mut calls, message).await?;
    let request = StreamingOutputCallRequest { response_status: status_request(message), ..Default::default() };
    let duplex = async { calls.full_duplex_call(tokio_stream::once(request)).await?.into_inner().message().await };
    fails_with(Code::Unknown, message, duplex).await
}

async fn special_status_message(mut calls: Calls) -> Result<(), Failure> {
    status_of(&mut calls, SPECIAL_MESSAGE).await
}

async fn trailing_space_message(mut calls: Calls) -> Result<(), Failure> {
    status_of(&mut calls, "it ends in a space ").await
}

fn with_metadata<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = "test_initial_metadata_value".parse().expect("ASCII");
    request.metadata_mut().insert("x-grpc-test-echo-initial", value);
    let value = BinaryMetadataValue::from_bytes(&[0xab, 0xab, 0xab]);
    request.metadata_mut().insert_bin("x-grpc-test-echo-trailing-bin", value);
    request
}

fn check_metadata(initial: &MetadataMap, trailing: &MetadataMap) -> Result<(), Failure> {
    let value = initial.get("x-grpc-test-echo-initial").map(|value| value.as_encoded_bytes());
    expect(Some(&b"test_initial_metadata_value"[..]), value)?;
    let value = trailing.get_bin("x-grpc-test-echo-trailing-bin").ok_or("no trailing metadata")?;
    expect(&[0xab, 0xab, 0xab][..], &value.to_bytes()?[..])
}

async fn custom_metadata(mut calls: Calls) -> Result<(), Failure> {
    let unary = SimpleRequest { response_size: 1, payload: zeroes(1), response_status: None };
    // A unary response of tonic has headers and trailers in one map.
    let metadata = calls.unary_call(with_metadata(unary)).await?.metadata().clone();
    check_metadata(&metadata, &metadata)?;
    let stream = calls.full_duplex_call(with_metadata(tokio_stream::once(output(1, 1)))).await?;
    let initial = stream.metadata().clone();
    let mut responses = stream.into_inner();
    while let Some(response) = responses.message().await? {
        expect(1, size_of(&response.payload))?;
    }
    check_metadata(&initial, &responses.trailers().await?.ok_or("no trailers")?)
}

async fn unimplemented(channel: Channel, path: &'static str) -> Result<(), Failure> {
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await?;
    let codec = tonic_prost::ProstCodec::<Empty, Empty>::default();
    let reply = grpc.unary(Request::new(Empty {}), path.parse()?, codec).await;
    expect(Some(Code::Unimplemented), reply.err().map(|status| status.code()))
}

async fn many_at_once(calls: Calls) -> Result<(), Failure> {
    let tasks: Vec<_> = (0..50).map(|_| tokio::spawn(large_unary(calls.clone()))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

async fn report(name: &str, case: impl Future<Output = Result<(), Failure>>) {
    let outcome = match timeout(CASE_TIME_MAX, case).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("took longer than {CASE_TIME_MAX:?}")),
    };
    match outcome {
        Ok(()) => println!("{{\"case\": \"{name}\", \"ok\": true}}"),
        Err(error) => println!("{{\"case\": \"{name}\", \"ok\": false, \"error\": {error:?}}}"),
    }
}

pub async fn call(options: Options) -> Result<(), Failure> {
    let address = options.address.ok_or("--address is missing")?;
    let scheme = if options.ca.is_some() { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{address}"))?;
    if let Some(ca) = &options.ca {
        let ca = Certificate::from_pem(std::fs::read(ca)?);
        endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(ca).domain_name("localhost"))?;
    }
    let channel = endpoint.connect().await?;
    let calls = TestServiceClient::new(channel.clone());
    report("empty_unary", empty_unary(calls.clone())).await;
    report("large_unary", large_unary(calls.clone())).await;
    report("client_streaming", client_streaming(calls.clone())).await;
    report("server_streaming", server_streaming(calls.clone())).await;
    report("ping_pong", ping_pong(calls.clone())).await;
    report("empty_stream", empty_stream(calls.clone())).await;
    report("timeout_on_sleeping_server", timeout_on_sleeping_server(calls.clone())).await;
    report("cancel_after_begin", cancel_after_begin(calls.clone())).await;
    report("cancel_after_first_response", cancel_after_first_response(calls.clone())).await;
    report("status_code_and_message", status_code_and_message(calls.clone())).await;
    report("special_status_message", special_status_message(calls.clone())).await;
    report("trailing_space_message", trailing_space_message(calls.clone())).await;
    report("custom_metadata", custom_metadata(calls.clone())).await;
    report("unimplemented_method", unimplemented(channel.clone(), "/grpc.testing.TestService/UnimplementedCall")).await;
    report("unimplemented_service", unimplemented(channel, "/grpc.testing.UnimplementedService/UnimplementedCall"))
        .await;
    report("many_at_once", many_at_once(calls)).await;
    Ok(())
}
