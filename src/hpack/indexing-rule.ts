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

/** What the static table has of one name: the index of the name, and of each value. */
interface StaticName {
  readonly index: number
  readonly values: Map<string, number>
}

const NO_NAME: StaticName = { index: 0, values: new Map() }
/** In one pass: a new process looked through the table 75 times, by an interpreter. */
const STATIC_NAMES: ReadonlyMap<string, StaticName> = staticNames()

/** Rules by name, for names in the static table and those listed above: made when one is asked for. */
const knownRules = new Map<string, NameRule>()

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
  const known = knownRules.get(name) ?? learned.get(name)
  if (known !== undefined) return known
  if (isKnown(name)) {
    const made = rule(name)
    knownRules.set(name, made)
    return made
  }
  const found = ruleOf(indexingOf(name))
  if (learned.size < LEARNED_MAX && name.length <= LEARNED_NAME_MAX) learned.set(name, found)
  return found
}

/** Of a name that the static table has not. */
function ruleOf(indexing: Indexing): NameRule {
  if (indexing === Indexing.Never) return NEVER_RULE
  return indexing === Indexing.Without ? WITHOUT_RULE : REPEATED_RULE
}

function staticNames(): Map<string, StaticName> {
  const names = new Map<string, StaticName>()
  for (let i = 0; i < STATIC_TABLE.length; i++) {
    const [name, value] = STATIC_TABLE[i]!
    let found = names.get(name)
    if (found === undefined) {
      found = { index: i + 1, values: new Map() }
      names.set(name, found)
    }
    found.values.set(value, i + 1)
  }
  return names
}

function isKnown(name: string): boolean {
  return STATIC_NAMES.has(name) || AT_ONCE.includes(name) || WITHOUT.includes(name)
}

function rule(name: string): NameRule {
  const { index, values } = STATIC_NAMES.get(name) ?? NO_NAME
  const hasValue = values.size > 0 && !(values.size === 1 && values.has(''))
  const indexing = indexingOf(name)
  const isSteady = indexing < Indexing.Without || COMPACT_AT_ONCE.includes(name)
  return {
    staticIndex: index,
    staticValues: hasValue ? values : undefined,
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
