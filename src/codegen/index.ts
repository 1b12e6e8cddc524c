export { FileDescriptorProto, FileDescriptorSet } from './descriptor/descriptor-table.js'
export { type GeneratedFile, generate } from './generate.js'
export { loadSchema, type ReadFile } from './load-schema.js'
export { runPlugin } from './plugin.js'
export { pluginFiles, pluginRequest } from './plugin-client.js'
export {
  DEFAULT_OPTIONS,
  GenerateError,
  type GenerateOptions,
  parseOptions,
} from './schema/generate-options.js'
