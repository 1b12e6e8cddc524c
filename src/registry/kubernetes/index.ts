export type { EngineOptions } from '../engine-options.js'
export { RegistryError, RegistryErrorCode } from '../registry-error.js'
export {
  type KubernetesRegistry,
  type KubernetesRegistryOptions,
  kubernetesRegistry,
} from './kubernetes-registry.js'
