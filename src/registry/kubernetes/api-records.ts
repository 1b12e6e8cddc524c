import type { RegistryService } from '../../micro/index.js'
import { readRecord } from '../record.js'
import type { ApiObject } from './list-watch.js'

interface EndpointSlice extends ApiObject {
  readonly endpoints?:
    | readonly {
        readonly addresses?: readonly string[]
        readonly conditions?: {
          readonly ready?: boolean | null
          readonly terminating?: boolean | null
        }
        readonly targetRef?: { readonly name?: string } | null
        readonly zone?: string | null
      }[]
    | null
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
): Map<string, RegistryService> {
  const records = new Map<string, RegistryService>()
  for (const { metadata, endpoints, ports } of objects as Iterable<EndpointSlice>) {
    const port = ports?.find(each => portName === undefined || each.name === portName)?.port
    if (port == null) continue
    for (const { addresses, conditions, targetRef, zone } of endpoints ?? []) {
      // Absent is ready, so the API's rules.
      if (conditions?.ready === false || conditions?.terminating === true) continue
      const host = addresses?.[0]
      if (host === undefined) continue
      const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
      const id = targetRef?.name ?? `${name}-${address}`
      records.set(`${metadata?.name}/${address}`, {
        name,
        version: 'latest',
        metadata: {},
        endpoints: [],
        nodes: [
          {
            id,
            address,
            metadata: { protocol: 'mucp', grpc: 'true', ...(zone ? { zone } : {}) },
          },
        ],
      })
    }
  }
  return records
}

/** Records that go-micro's services wrote into the annotations of their pods; only those of pods that run. */
export function podRecords(
  name: string,
  objects: Iterable<ApiObject>,
  onFault: (key: string, error: unknown) => void,
): Map<string, RegistryService> {
  const records = new Map<string, RegistryService>()
  const annotation = SERVICE_ANNOTATION + labelName(name)
  for (const { metadata, status } of objects as Iterable<Pod>) {
    const text = metadata?.annotations?.[annotation]
    if (text == null || status?.phase !== 'Running' || metadata?.deletionTimestamp !== undefined)
      continue
    const key = `${metadata?.name}/${annotation}`
    try {
      const record = readRecord(text)
      if (record.name === name) records.set(key, record)
    } catch (error) {
      onFault(key, error)
    }
  }
  return records
}
