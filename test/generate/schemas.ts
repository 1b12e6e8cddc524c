/** A schema with a bit of everything. */
export const ORDER_PROTO = `
syntax = "proto3";
package shop.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/any.proto";
import "google/protobuf/empty.proto";

// What a customer wants.
// On two lines.
message Order {
  string id = 1; // given by the shop
  repeated Line lines = 2;
  map<string, string> labels = 3;
  map<int32, Line> by_number = 4;
  map<bool, int64> by_flag = 5;
  map<int64, State> by_id = 6;
  oneof payment {
    Card card = 7;
    int32 cash = 8;
    string voucher = 9;
  }
  optional int32 priority = 10;
  State state = 11;
  repeated State history = 12;
  Order parent = 13;
  bytes token = 14;
  google.protobuf.Timestamp at = 15;
  google.protobuf.Duration took = 16;
  google.protobuf.Struct extra = 17;
  google.protobuf.Value any_value = 18;
  google.protobuf.Int64Value count = 19;
  google.protobuf.StringValue note = 20;
  google.protobuf.FieldMask mask = 21;
  google.protobuf.Any detail = 22;
  string old = 23 [deprecated = true];
  string constructor = 24;

  message Line {
    string sku = 1;
    int32 quantity = 2;
    double price = 3;
    repeated string tags = 4;
  }
}

message Card { string number = 1; }

message Nothing {}

message Numbers {
  double a = 1; float b = 2; int32 c = 3; int64 d = 4; uint32 e = 5; uint64 f = 6; sint32 g = 7; sint64 h = 8;
  fixed32 i = 9; fixed64 j = 10; sfixed32 k = 11; sfixed64 l = 12; bool m = 13; string n = 14; bytes o = 15;
  repeated double ra = 31; repeated float rb = 32; repeated int32 rc = 33; repeated int64 rd = 34;
  repeated uint32 re = 35; repeated uint64 rf = 36; repeated sint32 rg = 37; repeated sint64 rh = 38;
  repeated fixed32 ri = 39; repeated fixed64 rj = 40; repeated sfixed32 rk = 41; repeated sfixed64 rl = 42;
  repeated bool rm = 43; repeated string rn = 44; repeated bytes ro = 45;
  repeated int32 unpacked = 46 [packed = false];
}

enum State {
  STATE_UNKNOWN = 0;
  STATE_OPEN = 1;
  STATE_PAID = 2;
}

// Takes orders.
service Shop {
  // Places one.
  rpc Place(Order) returns (Order);
  rpc Watch(Card) returns (stream Order);
  rpc Upload(stream Order) returns (google.protobuf.Empty);
  rpc Talk(stream Order) returns (stream Order);
  rpc get_thing(Card) returns (Nothing) { option deprecated = true; }
}
`

export const LEGACY_PROTO = `
syntax = "proto2";
package legacy;

message Old {
  required int32 id = 1;
  optional string name = 2 [default = "nobody"];
  optional Color color = 3 [default = GREEN];
  repeated Color colors = 4 [packed = true];
  map<string, Color> by_name = 5;
  repeated group Entry = 6 { required string key = 1; optional Old inner = 2; }
  oneof choice { group Pick = 7 { optional int32 number = 1; } string text = 8; }
  extensions 100 to 199;
}

enum Color { RED = 1; GREEN = 2; }

extend Old {
  optional int32 extra = 100;
  repeated string more = 101;
  optional Old deep = 102;
}
`
