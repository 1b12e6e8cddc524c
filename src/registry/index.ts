export { RegistryError, RegistryErrorCode } from './registry-error.js'
