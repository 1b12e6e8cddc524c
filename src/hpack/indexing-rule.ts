import { isSensitiveName } from './sensitive-name.js'
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
  /** Under the policy `fast`. */
  readonly indexing: Indexing
  /** Under the policy `compact`. */
  readonly compactIndexing: Indexing
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
  'age',
  'date',
]

/** A date comes back within its second, which is worth octets but not cached blocks. */
const COMPACT_AT_ONCE: readonly string[] = ['date']

/** Rules by name, for names in the static table and those listed above. */
const KNOWN_RULES: ReadonlyMap<string, NameRule> = knownRules()

const REPEATED_RULE = rule('')
const WITHOUT_RULE = rule('-bin')
const NEVER_RULE = rule('-token')

/** Rules of other names that have been asked for: to take a name apart costs more than its encoding. */
const learned = new Map<string, NameRule>()
/** Names, and characters of each, that are kept so: a caller may make them up. */
const LEARNED_MAX = 1_024
const LEARNED_NAME_MAX = 64

/** The rule for a lower-case field name: binary metadata varies, and some names say that their values are secrets. */
export function nameRule(name: string): NameRule {
  const known = KNOWN_RULES.get(name) ?? learned.get(name)
  if (known !== undefined) return known
  const found = ruleOf(indexingOf(name))
  if (learned.size < LEARNED_MAX && name.length <= LEARNED_NAME_MAX) learned.set(name, found)
  return found
}

/** Of a name that the static table has not. */
function ruleOf(indexing: Indexing): NameRule {
  if (indexing === Indexing.Never) return NEVER_RULE
  return indexing === Indexing.Without ? WITHOUT_RULE : REPEATED_RULE
}

function knownRules(): Map<string, NameRule> {
  const names = [...AT_ONCE, ...WITHOUT, ...STATIC_TABLE.map(([name]) => name)]
  return new Map(names.map(name => [name, rule(name)]))
}

function rule(name: string): NameRule {
  const staticValues = new Map<string, number>()
  let staticIndex = 0
  for (const [i, [entryName, value]] of STATIC_TABLE.entries()) {
    if (entryName !== name) continue
    if (staticIndex === 0) staticIndex = i + 1
    staticValues.set(value, i + 1)
  }
  const hasValue = staticValues.size > 0 && !(staticValues.size === 1 && staticValues.has(''))
  const indexing = indexingOf(name)
  const isSteady = indexing < Indexing.Without || COMPACT_AT_ONCE.includes(name)
  return {
    staticIndex,
    staticValues: hasValue ? staticValues : undefined,
    indexing,
    compactIndexing: isSteady ? Indexing.AtOnce : indexing,
  }
}

function indexingOf(name: string): Indexing {
  if (AT_ONCE.includes(name)) return Indexing.AtOnce
  if (isSensitiveName(name)) return Indexing.Never
  if (WITHOUT.includes(name) || name.endsWith('-bin')) return Indexing.Without
  return Indexing.WhenRepeated
}
