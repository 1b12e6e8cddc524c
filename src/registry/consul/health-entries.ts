import type { RegistryService } from '../../micro/index.js'
import { type OnFault, portOf, readEach, textOf, textsOf } from '../entries.js'
import { Inflation, readTags } from './tags.js'

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
export function healthRecords(
  name: string,
  json: unknown,
  onFault: OnFault,
): Map<string, RegistryService> {
  const records = new Map<string, RegistryService>()
  const entries = Array.isArray(json) ? (json as HealthEntry[]) : []
  const inflation = new Inflation()
  readEach(
    entries,
    ({ Service: service }) => service?.ID,
    onFault,
    entry => addEntry(records, name, entry, inflation),
  )
  return records
}

function addEntry(
  records: Map<string, RegistryService>,
  name: string,
  { Node: node, Service: service, Checks: checks }: HealthEntry,
  inflation: Inflation,
): void {
  if (service?.Service !== name || service.ID === undefined) return
  if (checks?.some(({ Status: status }) => status === 'critical') === true) return
  const id = textOf('Service.ID', service.ID)
  const host = textOf('Address', service.Address || (node?.Address ?? ''))
  if (host === '') return
  const port = portOf('Service.Port', service.Port)
  const {
    version = '',
    metadata = textsOf(service.Meta),
    endpoints = [],
  } = readTags(service.Tags ?? [], inflation)
  const at = host.includes(':') ? `[${host}]` : host
  const address = port === undefined ? host : `${at}:${port}`
  records.set(`${node?.Node ?? ''}/${id}`, {
    name,
    version,
    metadata: {},
    endpoints,
    nodes: [{ id, address, metadata }],
  })
}
