// Files that every schema may import: what the codec brings along, and what custom options extend.

const HEAD = 'syntax = "proto3"; package google.protobuf; '
const TIME = 'int64 seconds = 1; int32 nanos = 2;'

const OPTIONS: string = [
  'File', 'Message', 'Field', 'Oneof', 'ExtensionRange', 'Enum', 'EnumValue', 'Service', 'Method',
].map(name => `message ${name}Options { extensions 1000 to max; }`).join(' ')

const WRAPPERS: string = [
  'Double double', 'Float float', 'Int64 int64', 'UInt64 uint64', 'Int32 int32', 'UInt32 uint32',
  'Bool bool', 'String string', 'Bytes bytes',
].map(pair => {
  const [name, type] = pair.split(' ')
  return `message ${name}Value { ${type} value = 1; }`
}).join(' ')

/** Files of features that other languages have: options of them are passed over, and nothing else is in them. */
const FEATURES: Readonly<Record<string, string>> = Object.fromEntries(
  ['cpp', 'go', 'java'].map(language => [
    `google/protobuf/${language}_features.proto`,
    'syntax = "proto2"; package pb; import "google/protobuf/descriptor.proto";',
  ]),
)

/** By the name that they are imported by. */
export const BUNDLED_FILES: Readonly<Record<string, string>> = {
  ...FEATURES,
  'google/protobuf/any.proto': `${HEAD}message Any { string type_url = 1; bytes value = 2; }`,
  'google/protobuf/descriptor.proto': `syntax = "proto2"; package google.protobuf; ${OPTIONS}`,
  'google/protobuf/duration.proto': `${HEAD}message Duration { ${TIME} }`,
  'google/protobuf/empty.proto': `${HEAD}message Empty {}`,
  'google/protobuf/field_mask.proto': `${HEAD}message FieldMask { repeated string paths = 1; }`,
  'google/protobuf/struct.proto': `${HEAD}
    message Struct { map<string, Value> fields = 1; }
    message Value { oneof kind {
      NullValue null_value = 1; double number_value = 2; string string_value = 3; bool bool_value = 4;
      Struct struct_value = 5; ListValue list_value = 6;
    } }
    enum NullValue { NULL_VALUE = 0; }
    message ListValue { repeated Value values = 1; }`,
  'google/protobuf/timestamp.proto': `${HEAD}message Timestamp { ${TIME} }`,
  'google/protobuf/wrappers.proto': `${HEAD}${WRAPPERS}`,
}
