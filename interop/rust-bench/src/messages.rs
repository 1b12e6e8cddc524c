//! The messages of bench/real/orders.proto.

use prost::Message;
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub struct GetOrder {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub view: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Order {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(int64, tag = "2")]
    pub created_ms: i64,
    #[prost(int32, tag = "3")]
    pub state: i32,
    #[prost(message, repeated, tag = "4")]
    pub lines: Vec<Line>,
    #[prost(message, optional, tag = "5")]
    pub address: Option<Address>,
    #[prost(map = "string, string", tag = "6")]
    pub labels: HashMap<String, String>,
    #[prost(double, tag = "7")]
    pub total: f64,
    #[prost(string, tag = "8")]
    pub note: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Line {
    #[prost(string, tag = "1")]
    pub sku: String,
    #[prost(string, tag = "2")]
    pub title: String,
    #[prost(int32, tag = "3")]
    pub quantity: i32,
    #[prost(int64, tag = "4")]
    pub price: i64,
    #[prost(map = "string, string", tag = "5")]
    pub tags: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Address {
    #[prost(string, tag = "1")]
    pub street: String,
    #[prost(string, tag = "2")]
    pub city: String,
    #[prost(string, tag = "3")]
    pub zip: String,
    #[prost(string, tag = "4")]
    pub country: String,
}
