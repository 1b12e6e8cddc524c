export type { EngineOptions } from '../engine-options.js'
export { RegistryError, RegistryErrorCode } from '../registry-error.js'
export { type NatsRegistry, type NatsRegistryOptions, natsRegistry } from './nats-registry.js'
