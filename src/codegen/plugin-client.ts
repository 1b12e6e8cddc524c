import type { FileDescriptorProto } from './descriptor/descriptor-table.js'
import { CodeGeneratorRequest, CodeGeneratorResponse } from './descriptor/plugin-table.js'
import type { GeneratedFile } from './generate.js'
import { GenerateError } from './schema/generate-options.js'

/** What a plugin of protoc is given on its input. */
export function pluginRequest(
  protoFile: readonly FileDescriptorProto[],
  fileToGenerate: readonly string[],
  parameter: string,
): Uint8Array {
  const compilerVersion = { major: 6, minor: 33, patch: 0 }
  return CodeGeneratorRequest.encode({ fileToGenerate, parameter, protoFile, compilerVersion })
}

/** What a plugin answers. @throws GenerateError with what it says is wrong */
export function pluginFiles(response: Uint8Array): GeneratedFile[] {
  const { error, file } = CodeGeneratorResponse.decode(response)
  if (error !== undefined) throw new GenerateError(error)
  return file.map(({ name = '', content = '' }) => ({ name, content }))
}
