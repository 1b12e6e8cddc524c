import type { HeaderList, Metadata } from '../../grpc/index.js'
import { isProtocolHeader } from './header.js'

/** What users may see of a message's header, as metadata. */
export function metadataFields(header: ReadonlyMap<string, string>): HeaderList {
  const list: string[] = []
  for (const [key, value] of header) {
    const name = key.toLowerCase()
    if (!isProtocolHeader(name)) list.push(name, value)
  }
  return list
}

/**
 * Metadata into a message's header; values of one name are joined, as go-micro does. What belongs
 * to the protocol cannot be set by it: a `Micro-Error` would fail a call that went well.
 */
export function mergeInto(header: Map<string, string>, metadata: Metadata | undefined): void {
  if (metadata === undefined) return
  const names = new Set<string>()
  for (const [name, value] of metadata) {
    if (isProtocolHeader(name)) continue
    header.set(name, names.has(name) ? `${header.get(name)}, ${value}` : value)
    names.add(name)
  }
}
