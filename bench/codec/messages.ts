/** The messages of the contest, in one schema. */
export const SCHEMA = `syntax = "proto3";
package bench;
message Order {
  string id = 1;
  Customer customer = 2;
  repeated Line lines = 3;
  int64 created_ms = 4;
  map<string, string> labels = 5;
  double total = 6;
  bool paid = 7;
  Status status = 8;
}
enum Status { UNKNOWN = 0; OPEN = 1; SHIPPED = 2; }
message Customer { string name = 1; string email = 2; Address address = 3; }
message Address { string street = 1; string city = 2; string zip = 3; string country = 4; }
message Line { string sku = 1; string title = 2; int32 quantity = 3; double price = 4; map<string, string> attributes = 5; }

message Common {
  string text = 1; uint32 number = 2; Inner inner = 3; float ratio = 4;
  message Inner { int32 number = 1; Deepest deepest = 2; Outer outer = 3; }
  message Deepest { int32 wide = 1; Status status = 2; sint32 signed = 3; }
  message Outer { repeated bool flags = 1; double value = 2; }
}
message Tile { repeated Layer layers = 3; }
message Layer { uint32 version = 15; string name = 1; repeated Feature features = 2; repeated string keys = 3; repeated TileValue values = 4; uint32 extent = 5; }
message Feature { uint32 id = 1; repeated uint32 tags = 2; Status type = 3; repeated uint32 geometry = 4; }
message TileValue { string string_value = 1; double double_value = 3; bool bool_value = 7; }
message Texts { repeated string texts = 1; }
message Numbers { repeated int32 ints = 1; repeated double doubles = 2; repeated sint32 signed = 3; repeated uint32 unsigned = 4; }
message Node { string name = 1; repeated Node children = 2; }
message Maps { map<string, int32> counts = 1; map<string, Address> places = 2; }
message Blob { string name = 1; bytes data = 2; }
message Orders { repeated Order orders = 1; }
`

type Value = Readonly<Record<string, unknown>>

function order(index: number): Value {
  return {
    id: `order-${index}`,
    customer: {
      name: 'Ada Lovelace',
      email: 'ada@example.com',
      address: { street: '12 St James Square', city: 'London', zip: 'SW1Y 4JH', country: 'GB' },
    },
    lines: [0, 1, 2].map(line => ({
      sku: `sku-${index}-${line}`,
      title: ['Analytical engine', 'Punched cards', 'Brass gear'][line],
      quantity: line * 100 + 1,
      price: 9.5 + line,
      attributes: { colour: 'brass', size: `${line} in` },
    })),
    createdMs: 1_767_225_600_000 + index,
    labels: { channel: 'web', region: 'eu-west-1' },
    total: 31.5,
    paid: true,
    status: 1,
  }
}

function list<T>(size: number, make: (index: number) => T): T[] {
  return Array.from({ length: size }, (_, index) => make(index))
}

function tree(depth: number): Value {
  return { name: `n${depth}`, children: depth === 0 ? [] : [tree(depth - 1), tree(depth - 1)] }
}

const TILE: Value = {
  layers: list(4, layer => ({
    version: 2,
    name: `layer${layer}`,
    features: list(60, feature => ({
      id: feature,
      tags: list(6, tag => tag * 3),
      type: 1,
      geometry: list(40, point => (point * 7919 * (feature + 1)) % 8_192),
    })),
    keys: list(20, key => `key_${key}`),
    values: list(30, value => ({
      stringValue: `value ${value}`,
      doubleValue: 0,
      boolValue: false,
    })),
    extent: 4_096,
  })),
}

/** What is encoded and decoded, by the name of the contest: its type, and a value of it. */
export const MESSAGES: Readonly<Record<string, { readonly type: string; readonly value: Value }>> =
  {
    order: { type: 'Order', value: order(7) },
    common: {
      type: 'Common',
      value: {
        text: 'Lorem ipsum dolor sit amet.',
        number: 9_000,
        inner: {
          number: 20_161_110,
          deepest: { wide: 151_234, status: 1, signed: -42 },
          outer: { flags: [true, false, false, true, false, false, true], value: 204.8 },
        },
        ratio: 0.25,
      },
    },
    'vector tile': { type: 'Tile', value: TILE },
    '10 KiB': { type: 'Orders', value: { orders: list(25, order) } },
    '1 MiB': { type: 'Orders', value: { orders: list(2_600, order) } },
    text: {
      type: 'Texts',
      value: {
        texts: [...list(20, index => `text number ${index}`), 'é'.repeat(300), 'x'.repeat(5_000)],
      },
    },
    numbers: {
      type: 'Numbers',
      value: {
        ints: list(500, index => (index * 7_919) % 100_000),
        doubles: list(300, index => index / 3),
        signed: list(300, index => (index % 2 === 0 ? index : -index)),
        unsigned: list(300, index => index * 1_000),
      },
    },
    nested: { type: 'Node', value: tree(6) },
    maps: {
      type: 'Maps',
      value: {
        counts: Object.fromEntries(list(100, index => [`key-${index}`, index * 10])),
        places: Object.fromEntries(
          list(30, index => [
            `place-${index}`,
            { street: `${index} High Street`, city: 'Oxford', zip: `OX${index}`, country: 'GB' },
          ]),
        ),
      },
    },
    bytes: { type: 'Blob', value: { name: 'blob', data: new Uint8Array(20_000).fill(7) } },
  }
