import type { RegistryService } from '../../micro/index.js'
import { readTags } from './tags.js'

/** One entry of `/v1/health/service/<name>`, as far as it is used. */
interface HealthEntry {
  readonly Node?: { readonly Node?: string; readonly Address?: string }
  readonly Service?: {
    readonly ID?: string
    readonly Service?: string
    readonly Tags?: readonly string[] | null
    readonly Meta?: Readonly<Record<string, string>> | null
    readonly Address?: string
    readonly Port?: number
  }
  readonly Checks?: readonly { readonly Status?: string }[] | null
}

/** The records of a service that an answer tells of: nodes with a critical check are none. */
export function healthRecords(name: string, json: unknown): Map<string, RegistryService> {
  const records = new Map<string, RegistryService>()
  for (const entry of Array.isArray(json) ? (json as HealthEntry[]) : []) {
    const { Node: node, Service: service, Checks: checks } = entry
    if (service?.Service !== name || service.ID === undefined) continue
    if (checks?.some(({ Status: status }) => status === 'critical') === true) continue
    const host = service.Address || node?.Address
    if (host === undefined || host === '') continue
    const {
      version = '',
      metadata = service.Meta ?? {},
      endpoints = [],
    } = readTags(service.Tags ?? [])
    const at = host.includes(':') ? `[${host}]` : host
    const address = service.Port ? `${at}:${service.Port}` : host
    records.set(`${node?.Node ?? ''}/${service.ID}`, {
      name,
      version,
      metadata: {},
      endpoints,
      nodes: [{ id: service.ID, address, metadata }],
    })
  }
  return records
}
