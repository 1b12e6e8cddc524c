/** What is known of an enum beside its values. */
export interface EnumType {
  readonly typeName: string
  /** Names and their numbers, as the schema has them. */
  readonly values: Readonly<Record<string, number>>
  /** Numbers that have no name are none of its values. */
  readonly isClosed: boolean
}

const byNumber: WeakMap<object, ReadonlyMap<number, string>> = /*@__PURE__*/ new WeakMap()

/** The names of an enum's numbers; the first name counts. */
export function namesOf({ values }: EnumType): ReadonlyMap<number, string> {
  let names = byNumber.get(values)
  if (names === undefined) {
    const made = new Map<number, string>()
    for (const [name, number] of Object.entries(values))
      if (!made.has(number)) made.set(number, name)
    names = made
    byNumber.set(values, names)
  }
  return names
}

/** Whether a number is a value of a closed enum. */
export function hasValue(type: EnumType, value: number): boolean {
  return namesOf(type).has(value)
}
