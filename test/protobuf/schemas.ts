/** Schemas of the codec's tests: every type of field, in proto3, proto2 and an edition. */
export const PROTO3 = `syntax = "proto3";
package codec;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Level { LOW = 0; HIGH = 1; MINUS = -1; }
message Empty {}
message Inner { int64 id = 1; string name = 2; Inner inner = 3; }
message All {
  int32 i32 = 1; sint32 s32 = 2; sfixed32 sf32 = 3; uint32 u32 = 4; fixed32 f32 = 5;
  int64 i64 = 6; sint64 s64 = 7; sfixed64 sf64 = 8; uint64 u64 = 9; fixed64 f64 = 10;
  double db = 11; float fl = 12; string st = 13; bool bo = 14; bytes by = 15;
  Level en = 16; Inner inner = 17;
  repeated int32 ints = 18; repeated int64 bigs = 19; repeated string texts = 20; repeated Inner inners = 21;
  repeated Level ens = 22; map<string, string> names = 23; map<int32, Inner> by_number = 24; map<bool, int32> by_bool = 25;
  optional string nick_name = 26;
  oneof choice { string word = 27; int32 number = 28; Inner boxed = 29; }
}
message Known {
  google.protobuf.Timestamp at = 1; google.protobuf.Duration lasts = 2; google.protobuf.Int32Value count = 3;
  google.protobuf.Int64Value big = 4; google.protobuf.BoolValue flag = 5; google.protobuf.StringValue text = 6;
  google.protobuf.BytesValue blob = 7; google.protobuf.Struct config = 8; google.protobuf.Value anything = 9;
  google.protobuf.ListValue list = 10; google.protobuf.FieldMask mask = 11; google.protobuf.Any wrapped = 12;
  repeated google.protobuf.Timestamp times = 13;
}
message Names { string constructor = 1; string toString = 2; string hasOwnProperty = 3; map<string, string> valueOf = 4; }
`

export const PROTO2 = `syntax = "proto2";
package codec;
enum OldLevel { NONE = 0; SOME = 1; }
message Old {
  required int32 id = 1;
  optional string text = 2 [default = "x"];
  optional OldLevel level = 3;
  repeated int32 plain = 4;
  repeated int32 packed = 5 [packed = true];
  optional group Pair = 6 { optional int32 a = 1; optional string b = 2; }
}
`

export const EDITION = `edition = "2023";
package codec;
message New { int32 id = 1; string text = 2 [default = "x"]; int32 level = 3; }
`
