import { checkRecord, type RegistryService } from '../micro/index.js'
import { RegistryError, RegistryErrorCode } from './registry-error.js'

/** A service's name, and a node's id, in an engine's keys. Unit: characters. Reason: engines index them. */
export const NAME_SIZE_MAX = 255

/**
 * A name as it stands in a key. Go writes `-` for `/`, and cleans paths: `..` and an empty name would be other keys
 * than they look.
 *
 * @throws RegistryError for a name that cannot be a key
 */
export function keyPart(engine: string, address: string, what: string, name: string): string {
  const part = name.replaceAll('/', '-')
  const fault = /^\.{0,2}$/.test(part)
    ? 'is no name'
    : part.length > NAME_SIZE_MAX
      ? `has ${part.length} characters of ${NAME_SIZE_MAX}`
      : /[^\P{Cc}]/u.test(part)
        ? 'has control characters'
        : undefined
  if (fault === undefined) return part
  const shown = JSON.stringify(name.slice(0, 40))
  throw new RegistryError(engine, address, RegistryErrorCode.Record, `${what} ${shown} ${fault}`)
}

/** @throws TypeError for what is no record; RangeError for one without nodes */
export function checkNodes(service: RegistryService): void {
  checkRecord(service)
  if (service.nodes.length === 0) {
    throw new RangeError(`service ${service.name} has no nodes: there is nothing to register`)
  }
}
