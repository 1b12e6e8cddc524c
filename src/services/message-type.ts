/** A protobuf message type, told once for its codec and its descriptor. */
export interface MessageType {
  /** With its package: `grpc.health.v1.HealthCheckRequest`. */
  readonly name: string
  readonly fields: readonly Field[]
  /** Enums declared inside. */
  readonly enums?: readonly EnumType[]
}

/** A protobuf enum. */
export interface EnumType {
  /** With everything it is declared in. */
  readonly name: string
  readonly values: readonly string[]
}

/** A type of its own is given by a function, for types may refer to each other. */
export type FieldType = 'string' | 'bytes' | 'bool' | 'int32' | EnumType | (() => MessageType)

/** One field of a message. */
export interface Field {
  /** In the schema: `message_type`. */
  readonly name: string
  /** Of the property in JavaScript: `messageType`. */
  readonly key: string
  readonly number: number
  readonly type: FieldType
  /**
   * `single`: absent means zero. `optional`: absent means undefined, as for a
   * oneof's members and messages. `map`: from text to messages, a `Map`.
   */
  readonly rule: 'single' | 'optional' | 'repeated' | 'map'
  readonly oneof?: string
}

/** A field. Default rule: `single`. */
export function field(
  name: string,
  number: number,
  type: FieldType,
  rule: Field['rule'] = 'single',
): Field {
  return { name, key: keyOf(name), number, type, rule }
}

/** The members of a oneof. */
export function oneof(name: string, members: readonly Field[]): Field[] {
  return members.map(member => ({ ...member, rule: 'optional', oneof: name }))
}

function keyOf(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}
