export { Health, mountHealth } from './health.js'
export {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListResponse,
  type HealthTypes,
  healthService,
  ServingStatus,
} from './health-messages.js'
export { mountReflection, type ReflectionOptions } from './reflection.js'
export {
  type ExtensionRequest,
  type ReflectionTypes,
  reflectionService,
  reflectionServiceV1Alpha,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from './reflection-messages.js'
