export type { EngineOptions } from '../engine-options.js'
export { RegistryError, RegistryErrorCode } from '../registry-error.js'
export { type EtcdRegistry, type EtcdRegistryOptions, etcdRegistry } from './etcd-registry.js'
