import type {
  RegistryEndpoint,
  RegistryNode,
  RegistryService,
  RegistryValue,
} from '../micro/index.js'

/** Levels of messages that go-micro tells of an endpoint; those of others may be a little deeper. */
const VALUE_DEPTH_MAX = 16

/**
 * The record of one node as go-micro writes it: every key, `null` for what is not there, keys of maps in
 * order, `<`, `>` and `&` escaped. Members that we do not know are kept.
 */
export function recordText(service: RegistryService, nodes: readonly RegistryNode[]): string {
  const { name, version, metadata, endpoints, nodes: _nodes, ...unknown } = service
  return goJson({
    name,
    version,
    metadata: isEmpty(metadata) ? null : sorted(metadata),
    endpoints: endpoints.length === 0 ? null : endpoints.map(endpointJson),
    nodes: nodes.length === 0 ? null : nodes.map(nodeJson),
    ...unknown,
  })
}

function endpointJson({ name, metadata, request, response, ...unknown }: RegistryEndpoint): object {
  return {
    request: request ?? null,
    response: response ?? null,
    metadata: sorted(metadata),
    name,
    ...unknown,
  }
}

function nodeJson({ id, address, metadata, ...unknown }: RegistryNode): object {
  return { metadata: isEmpty(metadata) ? null : sorted(metadata), id, address, ...unknown }
}

function isEmpty(map: object): boolean {
  return Object.keys(map).length === 0
}

/** Go writes the keys of a map in the order of their octets. */
export function sorted<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  const keys = Object.keys(map).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return Object.fromEntries(keys.map(key => [key, map[key]!]))
}

const ESCAPED = /[<>&\u2028\u2029]/g

/** JSON with what Go escapes. */
export function goJson(value: unknown): string {
  return JSON.stringify(value).replace(
    ESCAPED,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/**
 * Reads a record. What Go leaves out or writes as `null` is empty here; unknown members are kept; names of
 * members are found in any case, as Go does.
 *
 * @throws TypeError saying what cannot be used
 */
export function readRecord(text: string): RegistryService {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new TypeError(`it is no JSON: ${JSON.stringify(text.slice(0, 40))}`)
  }
  return serviceOf(json)
}

/** The same, of JSON that was parsed. @throws TypeError */
export function serviceOf(json: unknown): RegistryService {
  const { name, version, metadata, endpoints, nodes, ...unknown } = members('the record', json, [
    'name',
    'version',
    'metadata',
    'endpoints',
    'nodes',
  ])
  return {
    ...unknown,
    name: text('name', name),
    version: version == null ? '' : text('version', version),
    metadata: texts('metadata', metadata),
    endpoints: list('endpoints', endpoints).map(endpointOf),
    nodes: list('nodes', nodes).map(nodeOf),
  }
}

/** @throws TypeError */
export function endpointOf(json: unknown): RegistryEndpoint {
  const { name, metadata, request, response, ...unknown } = members('an endpoint', json, [
    'name',
    'metadata',
    'request',
    'response',
  ])
  return {
    ...unknown,
    name: text('the name of an endpoint', name),
    metadata: texts('the metadata of an endpoint', metadata),
    request: messageOf(request, 0),
    response: messageOf(response, 0),
  }
}

function nodeOf(json: unknown): RegistryNode {
  const { id, address, metadata, ...unknown } = members('a node', json, [
    'id',
    'address',
    'metadata',
  ])
  return {
    ...unknown,
    id: text('the id of a node', id),
    address: text('the address of a node', address),
    metadata: texts('the metadata of a node', metadata),
  }
}

function messageOf(json: unknown, depth: number): RegistryValue | null {
  if (json == null || depth > VALUE_DEPTH_MAX) return null
  const { name, type, values } = members('a value', json, ['name', 'type', 'values'])
  const inner = Array.isArray(values) ? values.map(each => messageOf(each, depth + 1)) : []
  const known = inner.filter(each => each !== null)
  return {
    name: typeof name === 'string' ? name : '',
    type: typeof type === 'string' ? type : '',
    values: known.length === 0 ? null : known,
  }
}

function members(what: string, json: unknown, names: readonly string[]): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new TypeError(`${what} must be an object, got ${kindOf(json)}`)
  }
  const found: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(json)) {
    const folded = key.toLowerCase()
    const name = names.includes(key) || !names.includes(folded) ? key : folded
    Object.defineProperty(found, name, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    })
  }
  return found
}

function list(what: string, value: unknown): readonly unknown[] {
  if (value == null) return []
  if (Array.isArray(value)) return value
  throw new TypeError(`${what} must be an array, got ${kindOf(value)}`)
}

function text(what: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new TypeError(
    `${what} must be a text, got ${value === '' ? 'an empty one' : kindOf(value)}`,
  )
}

function texts(what: string, value: unknown): Readonly<Record<string, string>> {
  if (value == null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new TypeError(`${what} must be an object of texts, got ${kindOf(value)}`)
  }
  for (const [key, each] of Object.entries(value)) {
    if (typeof each !== 'string')
      throw new TypeError(`${what}.${key} must be a text, got ${kindOf(each)}`)
  }
  return value as Readonly<Record<string, string>>
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : typeof value
}
