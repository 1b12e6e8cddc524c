export type { EngineOptions } from '../engine-options.js'
export { RegistryError, RegistryErrorCode } from '../registry-error.js'
export { type MdnsRegistry, type MdnsRegistryOptions, mdnsRegistry } from './mdns-registry.js'
