//! The service's code from a description in Rust: protoc is not needed.

use tonic_build::manual::{Builder, Method, Service};

fn method(name: &str, path: &str, input: &str, output: &str, client: bool, server: bool) -> Method {
    let mut method = Method::builder()
        .name(name)
        .route_name(path)
        .input_type(format!("crate::messages::{input}"))
        .output_type(format!("crate::messages::{output}"))
        .codec_path("tonic_prost::ProstCodec");
    if client {
        method = method.client_streaming();
    }
    if server {
        method = method.server_streaming();
    }
    method.build()
}

fn main() {
    let input = "StreamingInputCallRequest";
    let summary = "StreamingInputCallResponse";
    let wanted = "StreamingOutputCallRequest";
    let output = "StreamingOutputCallResponse";
    let test = Service::builder()
        .name("TestService")
        .package("grpc.testing")
        .method(method("empty_call", "EmptyCall", "Empty", "Empty", false, false))
        .method(method("unary_call", "UnaryCall", "SimpleRequest", "SimpleResponse", false, false))
        .method(method("streaming_output_call", "StreamingOutputCall", wanted, output, false, true))
        .method(method("streaming_input_call", "StreamingInputCall", input, summary, true, false))
        .method(method("full_duplex_call", "FullDuplexCall", wanted, output, true, true))
        .method(method("half_duplex_call", "HalfDuplexCall", wanted, output, true, true))
        .build();
    Builder::new().compile(&[test]);
}
