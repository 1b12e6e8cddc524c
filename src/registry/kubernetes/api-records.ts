import type { RegistryService } from '../../micro/index.js'
import { type OnFault, portOf, readEach, textOf, textsOf } from '../entries.js'
import { readRecord } from '../record.js'
import type { ApiObject } from './list-watch.js'

interface Endpoint {
  readonly addresses?: readonly string[]
  readonly conditions?: {
    readonly ready?: boolean | null
    readonly terminating?: boolean | null
  }
  readonly targetRef?: { readonly name?: string } | null
  readonly zone?: string | null
}

interface EndpointSlice extends ApiObject {
  readonly endpoints?: readonly Endpoint[] | null
  readonly ports?:
    | readonly { readonly name?: string | null; readonly port?: number | null }[]
    | null
}

interface Pod {
  readonly metadata?: {
    readonly name?: string
    readonly deletionTimestamp?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly status?: { readonly phase?: string }
}

export const TYPE_LABEL = 'micro.mu/type'
export const SELECTOR_LABEL = 'micro.mu/selector-'
export const SERVICE_ANNOTATION = 'micro.mu/service-'

/** A service's name in labels and annotations: what they cannot hold is `_`, as Go writes it. */
export function labelName(service: string): string {
  return service.replace(/[^-A-Za-z0-9_.]/g, '_')
}

/** Ready endpoints of a service's slices. Nobody registered them: that they serve both protocols is what we do ourselves. */
export function sliceRecords(
  name: string,
  objects: Iterable<ApiObject>,
  portName: string | undefined,
  onFault: OnFault,
): Map<string, RegistryService> {
  const records = new Map<string, RegistryService>()
  readEach(objects as Iterable<EndpointSlice>, objectName, onFault, slice => {
    const { metadata, endpoints, ports } = slice
    const found = ports?.find(each => portName === undefined || each.name === portName)
    const port = portOf('port', found?.port)
    if (port === undefined) return
    const keyOf = (): string => `${metadata?.name}/endpoints`
    readEach(endpoints ?? [], keyOf, onFault, endpoint => {
      const record = endpointRecord(name, endpoint, port)
      if (record === undefined) return
      records.set(`${metadata?.name}/${record.nodes[0]!.address}`, record)
    })
  })
  return records
}

function endpointRecord(
  name: string,
  { addresses, conditions, targetRef, zone }: Endpoint,
  port: number,
): RegistryService | undefined {
  // Absent is ready, so the API's rules.
  if (conditions?.ready === false || conditions?.terminating === true) return undefined
  if (addresses?.[0] === undefined) return undefined
  const host = textOf('addresses[0]', addresses[0])
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const id = textOf('targetRef.name', targetRef?.name ?? `${name}-${address}`)
  const metadata = { protocol: 'mucp', grpc: 'true', ...textsOf(zone ? { zone } : {}) }
  const nodes = [{ id, address, metadata }]
  return { name, version: 'latest', metadata: {}, endpoints: [], nodes }
}

function objectName({ metadata }: ApiObject): string | undefined {
  return metadata?.name
}

/** Records that go-micro's services wrote into the annotations of their pods; only those of pods that run. */
export function podRecords(
  name: string,
  objects: Iterable<ApiObject>,
  onFault: OnFault,
): Map<string, RegistryService> {
  const records = new Map<string, RegistryService>()
  const annotation = SERVICE_ANNOTATION + labelName(name)
  const keyOf = (pod: ApiObject): string => `${objectName(pod)}/${annotation}`
  readEach(objects as Iterable<Pod & ApiObject>, keyOf, onFault, pod => {
    const { metadata, status } = pod
    const text = metadata?.annotations?.[annotation]
    if (text == null || status?.phase !== 'Running' || metadata?.deletionTimestamp !== undefined) {
      return
    }
    const record = readRecord(textOf('its text', text))
    if (record.name === name) records.set(keyOf(pod), record)
  })
  return records
}
