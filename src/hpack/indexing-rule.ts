import { STATIC_TABLE } from './static-table.js'

/** How a field of some name is put when no table has it. */
export const Indexing = {
  /** In the table at first sight: values are few and stay the same. */
  AtOnce: 0,
  /** In the table at second sight. */
  WhenRepeated: 1,
  /** Never in the table: values hardly ever come back. RFC 7541 §6.2.2. */
  Without: 2,
  /** Never in any table, ours or a proxy's: values are secrets. RFC 7541 §6.2.3 and §7.1.3. */
  Never: 3,
} as const
export type Indexing = (typeof Indexing)[keyof typeof Indexing]

/** What is known beforehand of a field name. */
export interface NameRule {
  /** Index of the name in the static table, or 0. */
  readonly staticIndex: number
  /** Indexes of whole fields in the static table, by value; undefined when '' is the only value. */
  readonly staticValues: ReadonlyMap<string, number> | undefined
  readonly indexing: Indexing
}

const AT_ONCE: readonly string[] = [
  ':path',
  ':authority',
  ':status',
  'content-type',
  'te',
  'user-agent',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-status',
  'accept-encoding',
]

const WITHOUT: readonly string[] = [
  'grpc-timeout',
  'traceparent',
  'tracestate',
  'content-length',
  'date',
]

const NEVER: readonly string[] = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie']

/** Rules by name, for names in the static table and those listed above. */
const KNOWN_RULES: ReadonlyMap<string, NameRule> = knownRules()

const REPEATED_RULE = rule(Indexing.WhenRepeated)
const WITHOUT_RULE = rule(Indexing.Without)
const NEVER_RULE = rule(Indexing.Never)

/** The rule for a lower-case field name: binary metadata varies, tokens are secrets. */
export function nameRule(name: string): NameRule {
  const known = KNOWN_RULES.get(name)
  if (known !== undefined) return known
  if (name.endsWith('-bin')) return WITHOUT_RULE
  return name.endsWith('-token') ? NEVER_RULE : REPEATED_RULE
}

function rule(indexing: Indexing): NameRule {
  return { staticIndex: 0, staticValues: undefined, indexing }
}

function knownRules(): Map<string, NameRule> {
  const rules = new Map<string, NameRule>()
  for (const name of new Set([...AT_ONCE, ...WITHOUT, ...NEVER, ...STATIC_TABLE.map(([n]) => n)])) {
    const values = new Map<string, number>()
    let staticIndex = 0
    for (const [i, [entryName, value]] of STATIC_TABLE.entries()) {
      if (entryName !== name) continue
      if (staticIndex === 0) staticIndex = i + 1
      values.set(value, i + 1)
    }
    const staticValues =
      values.size === 0 || (values.size === 1 && values.has('')) ? undefined : values
    rules.set(name, { staticIndex, staticValues, indexing: indexingOf(name) })
  }
  return rules
}

function indexingOf(name: string): Indexing {
  if (AT_ONCE.includes(name)) return Indexing.AtOnce
  if (WITHOUT.includes(name)) return Indexing.Without
  return NEVER.includes(name) ? Indexing.Never : Indexing.WhenRepeated
}
