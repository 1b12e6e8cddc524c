import type { ServiceMethod } from '../service/service.js'
import type { RegistryEndpoint } from './registry.js'

/** What Go's servers say of the messages of a stream, whatever they are. */
const STREAM = { name: 'Context', type: 'Context', values: null }
const STREAM_ANSWER = { name: 'Stream', type: 'Stream', values: null }

/** The endpoints of a record, in go-micro's words. Messages are told where a schema is known. */
export function endpointRecords(
  endpoints: Iterable<{ readonly method: ServiceMethod }>,
): RegistryEndpoint[] {
  return Array.from(endpoints, ({ method }) => {
    const { endpoint: name, kind, shape } = method
    if (kind === 'unary') return { name, metadata: {}, ...shape?.() }
    return { name, metadata: { stream: 'true' }, request: STREAM, response: STREAM_ANSWER }
  })
}
