export type { EngineOptions } from '../engine-options.js'
export { RegistryError, RegistryErrorCode } from '../registry-error.js'
export {
  type ConsulRegistry,
  type ConsulRegistryOptions,
  consulRegistry,
} from './consul-registry.js'
