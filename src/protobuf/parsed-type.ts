/*
 * What is used of a schema that protobufjs has parsed. Its own types are not named: they would
 * stand in the published declarations, and then nobody could compile without the package.
 */

/** A message type. */
export interface ParsedType {
  readonly name: string
  /** With a dot in front. */
  readonly fullName: string
  readonly fieldsArray: readonly ParsedField[]
  readonly oneofsArray: readonly { readonly name: string }[]
}

/** A field, ahead of `resolve`. */
export interface ParsedField {
  readonly id: number
  readonly name: string
  readonly type: string
  readonly map: boolean
  readonly repeated: boolean
  readonly required: boolean
  readonly packed: boolean
  readonly partOf: { readonly name: string } | null
  readonly resolvedType: object | null
  resolve(): unknown
}

/** A field after `resolve`, with what protobufjs does not show in its types. */
export interface ResolvedField extends ParsedField {
  readonly hasPresence: boolean
  readonly delimited: boolean
  readonly _features: Features
  readonly keyType?: string
  readonly resolvedType: ParsedType | ParsedEnum | null
}

/** An enum. */
export interface ParsedEnum {
  readonly name: string
  readonly values: Readonly<Record<string, number>>
  readonly valuesById: Readonly<Record<number, string>>
  readonly _features: Features
}

/** Features of editions, by name; older syntaxes have theirs. */
export type Features = Readonly<Record<string, string>>
