/**
 * The map in docs/architecture.md: every folder of `src`, its one sentence, and what its layer
 * imports. The sentences are written here, the arrows and the order are found in the code.
 *
 *     node .build/scripts/architecture-map.js
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const BEGIN = '<!-- The map. Made by scripts/architecture-map.ts -->'
const END = '<!-- End of the map -->'

/** What each folder holds, in one sentence. */
const SENTENCES: Readonly<Record<string, string>> = {
  options: 'one way to check options, by name, when they are set',
  frame: 'the shape of frames (RFC 9113 §4, §6, §7)',
  hpack: 'header compression (RFC 7541)',
  connection: 'one HTTP/2 connection, both roles, without a socket',
  'connection/core': 'what every part stands on: limits, time, output, control frames',
  'connection/headers': 'header blocks, in and out, and the rules of their fields',
  'connection/budgets': 'what a peer may cost: abuse, memory, handlers, turns',
  'connection/streams': 'one stream: its face, its record, its state; the map of them',
  'connection/timers': 'deadlines and PINGs',
  'connection/flow': 'DATA in and out: windows, loans, the send queue',
  grpc: 'gRPC calls on streams, without a socket',
  'grpc/wire': 'status, metadata, timeouts, compressions, as they are written',
  'grpc/message': 'messages in and out of DATA; coding off the thread',
  'grpc/client': 'a call from the side of its client',
  'grpc/server': 'routes, and a call from the side of its server',
  transport: "sockets, sessions, and micro's Transport",
  'transport/runtime': 'what a platform must have: time, sockets, addresses',
  'transport/errors': 'why a socket failed, in words that help',
  'transport/tls': 'certificates, names, and the usual mistakes with them',
  'transport/node': 'the runtime of Node',
  'transport/socket': 'moves the octets of one connection',
  'transport/proxy': 'which HTTP proxy, and what is said to it',
  'transport/client': 'a session: dials, waits, dials again',
  'transport/server': 'listens, admits, answers plain HTTP',
  'transport/micro': "micro's Transport: gRPC and memory",
  channel: 'many servers as one: names, balancers, retries',
  'channel/balancing': 'which server has the next call',
  'channel/config': "service config, gRPC's own form",
  'channel/health': 'which servers say that they are healthy',
  'channel/names': 'from a name to addresses',
  'channel/retries': 'what may be sent again, and how often; hedges',
  'channel/weights': 'load that servers report, and balancing by it',
  overload: 'what a server refuses before it is too much',
  codec: 'what generated code imports: messages and their wire form',
  'codec/wire': 'octets of fields, read and written',
  'codec/message': 'message types, extensions, and errors that name a field',
  'codec/json': 'ProtoJSON',
  'codec/known': 'well-known types',
  codegen: 'from .proto files to modules',
  'codegen/descriptor': 'descriptor.proto, for ourselves',
  'codegen/parse': 'reads .proto files',
  'codegen/schema': 'links and checks what was read',
  'codegen/emit': 'writes modules',
  protobuf: 'messages of protobufjs, encoded by functions that are made for them',
  micro: 'what applications use: createServer and createClient',
  'micro/async': 'queues, iterators and signals',
  'micro/errors': 'MicroError and GrpcError, and what becomes what',
  'micro/call': 'what belongs to one call: options, metadata, credentials, middleware',
  'micro/mucp': "micro's own protocol: headers, bodies, envelopes",
  'micro/service': 'what a service is: methods, codecs, schemas, definitions',
  'micro/types': 'TypeScript types of a loaded schema',
  'micro/discovery': 'registry, registration, selector, target',
  'micro/client': 'createClient',
  'micro/client/calls': 'what calls of both doors share: retries, streams, credentials',
  'micro/client/mucp': 'calls over mucp',
  'micro/client/native': 'calls over gRPC',
  'micro/server': 'createServer',
  'micro/server/handlers': 'endpoints and events, and how their handlers run',
  'micro/server/mucp': 'requests that come over mucp',
  'micro/server/native': 'requests that come over gRPC',
  registry: 'registries that find servers, one engine each',
  'registry/consul': 'the registry of Consul',
  'registry/etcd': 'the registry of etcd',
  'registry/kubernetes': 'endpoints of Kubernetes',
  'registry/mdns': 'servers of one network, found by multicast DNS',
  'registry/nats': 'a registry over NATS',
  broker: 'events, by an engine',
  'broker/http': 'events over HTTP, without a server between',
  'broker/nats': 'events over NATS',
  'broker/rabbitmq': 'events over RabbitMQ',
  'broker/redis': 'events over Redis streams',
  services: 'health and reflection',
  compat: 'handlers of grpc-js as they are',
  testing: 'a simulated network and a fuzz engine',
  cli: 'the programs: microwire, microwire-types, protoc-gen-microwire',
}

/** Folders below `src`, each before what stands in it. */
export function foldersOf(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .flatMap(({ name }) => {
      const path = folder === '' ? name : `${folder}/${name}`
      return [path, ...foldersOf(root, path)]
    })
    .sort()
}

/** What is wrong with the sentences: folders that have none, sentences without a folder. */
export function unsaid(folders: readonly string[]): string[] {
  return [
    ...folders.filter(folder => !(folder in SENTENCES)),
    ...Object.keys(SENTENCES).filter(folder => !folders.includes(folder)),
  ]
}

/** The layers that each layer imports, types included. */
export function importsOf(root: string, layers: readonly string[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const layer of layers) {
    const files = readdirSync(join(root, layer), { recursive: true, encoding: 'utf8' })
    const text = files
      .filter(name => name.endsWith('.ts'))
      .map(name => readFileSync(join(root, layer, name), 'utf8'))
      .join('\n')
    found.set(
      layer,
      layers.filter(other => other !== layer && imports(text, other)),
    )
  }
  return found
}

function imports(text: string, other: string): boolean {
  return new RegExp(`'(\\.\\./)+${other}/index\\.js'`).test(text)
}

/** How far a layer stands above the ground. */
function levelOf(layer: string, imported: ReadonlyMap<string, readonly string[]>): number {
  const below = imported.get(layer) ?? []
  return below.length === 0 ? 0 : 1 + Math.max(...below.map(each => levelOf(each, imported)))
}

/** The drawing: the highest level first; a layer stands on what follows its arrow. */
export function drawMap(root: string): string {
  const folders = foldersOf(root)
  const layers = folders.filter(folder => !folder.includes('/'))
  const imported = importsOf(root, layers)
  const width = Math.max(...folders.map(folder => folder.length)) + 2
  const lines: string[] = []
  const levels = [...new Set(layers.map(layer => levelOf(layer, imported)))].sort((a, b) => b - a)
  for (const level of levels) {
    lines.push(`─── level ${level} ${'─'.repeat(width + 40)}`)
    for (const layer of layers.filter(each => levelOf(each, imported) === level)) {
      lines.push(`${layer.padEnd(width)}${SENTENCES[layer]}`)
      const below = imported.get(layer) ?? []
      if (below.length > 0) lines.push(`${' '.repeat(width)}-> ${below.join(', ')}`)
      for (const folder of folders.filter(each => each.startsWith(`${layer}/`))) {
        lines.push(`  ${folder.slice(layer.length).padEnd(width - 2)}${SENTENCES[folder]}`)
      }
    }
  }
  return lines.join('\n')
}

/** The page with its map drawn anew. */
export function pageWithMap(page: string, map: string): string {
  const begin = page.indexOf(BEGIN)
  const end = page.indexOf(END)
  if (begin < 0 || end < 0) throw new Error('docs/architecture.md has no place for its map')
  return `${page.slice(0, begin + BEGIN.length)}\n\n\`\`\`\n${map}\n\`\`\`\n\n${page.slice(end)}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const page = readFileSync('docs/architecture.md', 'utf8')
  writeFileSync('docs/architecture.md', pageWithMap(page, drawMap('src')))
}
