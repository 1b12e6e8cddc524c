import { deflateSync, inflateSync } from 'node:zlib'
import type { RegistryNode, RegistryService } from '../../micro/index.js'
import { goJson, serviceOf, sorted } from '../record.js'
import { type DnsRecord, RecordType } from './dns-message.js'

/** go-micro's. Unit: s. */
export const RECORD_TTL_S = 120
/** Of one text of a TXT record. Unit: octets. */
const TEXT_SIZE_MAX = 255
/** What a TXT record may inflate to. Reason: anybody on the link can send a bomb. Unit: octets. */
const INFLATED_SIZE_MAX = 1 << 20

/** `greeter.micro.` */
export function serviceName(service: string, domain: string): string {
  return `${service}.${domain}.`
}

/** SRV, A or AAAA, and TXT of a node, as Go's; `ttl` 0 says that it leaves. */
export function nodeRecords(
  service: RegistryService,
  node: RegistryNode,
  host: string,
  port: number,
  domain: string,
  ttl: number = RECORD_TTL_S,
): DnsRecord[] {
  const name = `${node.id}.${serviceName(service.name, domain)}`
  const isV6 = host.includes(':')
  return [
    // It is its own host: Go mixes up nodes that share one.
    { name, type: RecordType.Srv, ttl, target: name, port },
    { name, type: isV6 ? RecordType.Aaaa : RecordType.A, ttl, address: host },
    { name, type: RecordType.Txt, ttl, texts: textsOf(service, node) },
  ]
}

/** What Go's lists have beside a service's name: nothing that could be called. */
export function listRecords(name: string): DnsRecord[] {
  const ttl = RECORD_TTL_S
  return [
    { name, type: RecordType.Srv, ttl, target: name, port: 9_999 },
    { name, type: RecordType.A, ttl, address: '0.0.0.0' },
    { name, type: RecordType.Txt, ttl, texts: [''] },
  ]
}

function textsOf(service: RegistryService, node: RegistryNode): string[] {
  const json = goJson({
    Service: service.name,
    Version: service.version,
    Metadata: sorted(node.metadata),
    Endpoints: service.endpoints.map(({ name, metadata, request, response }) => ({
      request: request ?? null,
      response: response ?? null,
      metadata: sorted(metadata),
      name,
    })),
  })
  const text = deflateSync(json).toString('hex')
  return text.match(new RegExp(`.{1,${TEXT_SIZE_MAX}}`, 'g')) ?? []
}

/** A node that an answer or an announcement told of. */
export interface ToldNode {
  readonly key: string
  /** Undefined: it leaves. */
  readonly record: RegistryService | undefined
}

/**
 * The nodes that a message tells of, complete ones only.
 *
 * @throws TypeError, RangeError or an error of zlib for a TXT record that cannot be read
 */
export function toldNodes(records: readonly DnsRecord[], domain: string): ToldNode[] {
  const told: ToldNode[] = []
  for (const srv of records.filter(({ type }) => type === RecordType.Srv)) {
    const of = (type: number, name: string) =>
      records.find(record => record.type === type && record.name === name)
    const txt = of(RecordType.Txt, srv.name)
    if (txt?.texts === undefined || srv.port === undefined) continue
    const host = [srv.target ?? '', srv.name].flatMap(name => [
      of(RecordType.A, name)?.address,
      of(RecordType.Aaaa, name)?.address,
    ])
    const address = host.find(each => each !== undefined)
    if (address === undefined) continue
    const json = inflateSync(Buffer.from(txt.texts.join(''), 'hex'), {
      maxOutputLength: INFLATED_SIZE_MAX,
    })
    const about = JSON.parse(json.toString()) as Record<string, unknown>
    const name = String(about['Service'])
    const suffix = `.${serviceName(name, domain)}`
    if (!srv.name.endsWith(suffix)) continue
    const id = srv.name.slice(0, -suffix.length)
    const node = {
      id,
      address: address.includes(':') ? `[${address}]:${srv.port}` : `${address}:${srv.port}`,
      metadata: about['Metadata'],
    }
    const record = serviceOf({
      name,
      version: about['Version'],
      endpoints: about['Endpoints'],
      nodes: [node],
    })
    told.push({ key: `${name}/${id}`, record: srv.ttl === 0 ? undefined : record })
  }
  return told
}
