//! The service of bench/real/orders.proto, described in Rust: protoc is not needed.

use tonic_build::manual::{Builder, Method, Service};

fn method(name: &str, path: &str) -> Method {
    Method::builder()
        .name(name)
        .route_name(path)
        .input_type("crate::messages::GetOrder")
        .output_type("crate::messages::Order")
        .codec_path("tonic_prost::ProstCodec")
        .build()
}

fn main() {
    let orders = Service::builder()
        .name("Orders")
        .package("shop.v1")
        .method(method("get", "Get"))
        .method(method("peek", "Peek"))
        .build();
    Builder::new().build_client(false).compile(&[orders]);
}
