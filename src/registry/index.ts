export { RegistryError, RegistryErrorCode } from './registry-error.js'
export {
  type FallbackRegistryOptions,
  fallbackRegistry,
  type MultiRegistryOptions,
  multiRegistry,
} from './several-registries.js'
